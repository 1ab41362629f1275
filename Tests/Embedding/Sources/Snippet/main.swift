import Mezzo

try setGlobalPolicy("mixed_bfloat16")
let (train, test) = try DataSet.digits()

let model = Model {
  Flatten()
  Dense(256, activation: .relu)
  Dense(10, policy: .float32)  // logits in float32
}
try await model.fit(train, validation: test, epochs: 10, batch: 64, optimizer: .adam())

print(globalPolicy(), "accuracy", try model.evaluate(test).accuracy ?? 0)
print(try model.explain(input: [64, 8, 8]))
