import Mezzo
let (train, test) = try DataSet.digits()
for name in ["float32", "mixed_bfloat16", "mixed_float16", "float64"] {
  try await withPolicy(name) {
    let model = Model { Flatten(); Dense(256, activation: .relu); Dropout(0.2); Dense(256, activation: .relu); Dense(10, policy: .float32) }
    let h = try await model.fit(train, validation: test, epochs: 20, batch: 64)
    print(name, h.epochs.last!, h.stepMilliseconds, h.skippedSteps, h.explanation.memory)
    print(h.explanation)
  }
}
