import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct FunctionalTests {
  private let runtime = Runtime.builtinOnly()

  private func numbers(_ shape: [Int], from start: Double = 0) throws -> Tensor {
    var next = start
    return try Tensor(TensorType(.float32, shape)) {
      next += 0.125
      return next
    }
  }

  /// Two inputs, a layer used twice, two outputs.
  private func twins() throws -> Functional {
    let left = LayerOutput.input("left", shape: [3])
    let right = LayerOutput.input("right", shape: [3])
    let encoder = Dense(2, activation: .tanh, name: "encoder", policy: .float32)
    let (a, b) = (encoder(left), encoder(right))
    let joined = Concatenate(policy: .float32)(a, b)
    return try Functional(
      inputs: [left, right],
      outputs: .dictionary([
        "score": .tensor(Dense(1, policy: .float32)(joined)), "difference": .tensor(Subtract(policy: .float32)(a, b)),
      ]), policy: .float32)
  }

  @Test func aNamedLayerThatIsCalledTwiceHasItsWeightsOnce() throws {
    let model = Model(try twins(), runtime: runtime)
    let (left, right) = (try numbers([2, 3]), try numbers([2, 3], from: -1))
    let outputs = try model(Arguments(.tensor(left), .tensor(right)))
    #expect(try model.variables.paths == ["encoder.kernel", "encoder.bias", "dense.kernel", "dense.bias"])
    guard case .dictionary(let members) = outputs else {
      Issue.record("\(outputs)")
      return
    }
    let encoder = Model(Dense(2, activation: .tanh, policy: .float32), runtime: runtime)
    try encoder.build(input: [1, 3])
    try encoder.load(
      try ["kernel", "bias"].reduce(into: Variables()) { $0.set($1, try #require(model.variables["encoder.\($1)"])) })
    let (a, b) = (try encoder(left).scalars(), try encoder(right).scalars())
    #expect(members["difference"]?.tensor?.scalars() == zip(a, b).map { Double(Float($0) - Float($1)) })
    #expect(members["score"]?.tensor?.shape == [2, 1])
  }

  @Test func layersWithoutANameAreOthersAtEveryCall() throws {
    let x = LayerOutput.input("x")
    let dense = Dense(3, policy: .float32)
    let model = Model(try Functional(inputs: [x], outputs: dense(dense(x))), runtime: runtime)
    try model.build(input: [1, 3])
    #expect(try model.variables.paths == ["dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"])
  }

  @Test func argumentsComeInEveryForm() throws {
    let model = Model(try twins(), runtime: runtime)
    let (left, right) = (Tree.tensor(try numbers([1, 3])), Tree.tensor(try numbers([1, 3], from: 2)))
    let expected = try model(Arguments(left, right)).leaves
    #expect(try model(Arguments(.array([left, right]))).leaves == expected)
    #expect(try model(Arguments(.dictionary(["right": right, "left": left]))).leaves == expected)
    #expect(try model(Arguments(positional: [], named: ["right": right, "left": left])).leaves == expected)
    #expect(try model(Arguments(left, named: ["right": right])).leaves == expected)
    for wrong in [Arguments(left), Arguments(left, right, left), Arguments(left, named: ["other": right])] {
      #expect(throws: LayerError.self) { try model(wrong) }
    }
  }

  @Test func inputsOfOtherShapesAndDTypesAreRefusedByName() throws {
    let x = LayerOutput.input("pixels", shape: [nil, 3], dtype: .float32)
    let model = Model(try Functional(inputs: [x], outputs: Flatten(policy: .float32)(x)), runtime: runtime)
    #expect(try model(numbers([2, 5, 3])).shape == [2, 15])
    for type in [TensorType(.float32, [2, 5, 4]), TensorType(.float32, [2, 3]), TensorType(.float64, [2, 5, 3])] {
      let error = #expect(throws: LayerError.self) { try model(Tensor(zeros: type)) }
      #expect("\(error.map { "\($0)" } ?? "")".contains("the input pixels of float32 and the shape [batch, …, 3]"))
    }
  }

  @Test func modelsNest() throws {
    let x = LayerOutput.input("x")
    let inner = Sequential([Dense(4, policy: .float32), Dense(2, policy: .float32)], name: "inner", policy: .float32)
    let (left, right) = (LayerOutput.input("left"), LayerOutput.input("right"))
    let pair = try Functional(
      inputs: [left, right], outputs: Add(policy: .float32)(left, right), name: "pair", policy: .float32)
    let outer = try Functional(inputs: [x], outputs: pair(inner(x), inner(Activation(.relu, policy: .float32)(x))))
    let model = Model(outer, runtime: runtime)
    let input = try numbers([2, 3], from: -0.3)
    let output = try model(input)
    #expect(
      try model.variables.paths
        == ["inner.dense.kernel", "inner.dense.bias", "inner.dense_1.kernel", "inner.dense_1.bias"])
    #expect(output.shape == [2, 2])
  }

  @Test func partsOfWhatALayerGivesCanBeUsed() throws {
    let x = LayerOutput.input("x")
    let lstm = LSTM(2, returnSequences: true, returnState: true, policy: .float32)(x)
    let model = Model(
      try Functional(inputs: [x], outputs: .array([.tensor(lstm[0]), .tensor(lstm[2])])), runtime: runtime)
    let outputs = try model(Arguments(.tensor(numbers([2, 4, 3]))))
    #expect(outputs.leaves.map { $0?.shape } == [[2, 4, 2], [2, 2]])
    let beyond = Model(try Functional(inputs: [x], outputs: lstm[3]), runtime: runtime)
    #expect(throws: LayerError.self) { try beyond(numbers([2, 4, 3])) }
  }

  @Test func connectionsThatCannotBeAreRefused() throws {
    let (x, y) = (LayerOutput.input("x"), LayerOutput.input("y"))
    let dense = Dense(2, name: "a", policy: .float32)
    let sum = Add(policy: .float32)(dense(x), y)
    #expect(throws: LayerError.self) { try Functional(inputs: [x], outputs: sum) }
    #expect(throws: LayerError.self) { try Functional(inputs: [dense(x), y], outputs: sum) }
    #expect(throws: LayerError.self) { try Functional(inputs: [x, .input("x")], outputs: dense(x)) }
    let other = Dense(3, name: "a", policy: .float32)
    #expect(throws: LayerError.sameName(container: "", name: "a")) {
      try Functional(inputs: [x], outputs: other(dense(x)))
    }
  }

  @Test func aLongChainIsFollowed() throws {
    let x = LayerOutput.input("x")
    let last = (0..<2000).reduce(x) { output, _ in Identity(policy: .float32)(output) }
    #expect(try Functional(inputs: [x], outputs: last).layers.count == 2000)
  }

  @Test func configurationsRoundTrip() throws {
    let layer = try twins()
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = try encoder.encode(AnyLayer(layer))
    let read = try JSONDecoder().decode(AnyLayer.self, from: text)
    #expect(try encoder.encode(read) == text)
    let (model, again) = (Model(layer, seed: 3, runtime: runtime), Model(read.layer, seed: 3, runtime: runtime))
    let inputs = Arguments(Tree.tensor(try numbers([2, 3])), .tensor(try numbers([2, 3], from: 1)))
    #expect(try model(inputs).leaves == again(inputs).leaves)
  }

  @Test(arguments: ["\"call\":{\"_0\":0}", "\"call\":{\"_0\":7}", "\"input\":{\"_0\":2}", "\"input\":{\"_0\":-1}"])
  func damagedConfigurationsAreRefused(source: String) throws {
    let text = String(decoding: try JSONEncoder().encode(AnyLayer(twins())), as: UTF8.self)
    let place = try #require(text.range(of: "\"input\":{\"_0\":0}"))
    let damaged = text.replacingCharacters(in: place, with: source)
    #expect(throws: (any Error).self) { try JSONDecoder().decode(AnyLayer.self, from: Data(damaged.utf8)) }
  }

  /// Layers inside keep their policies, or follow that of the model.
  @Test func policiesReachTheLayersInside() throws {
    let x = LayerOutput.input("x")
    let hidden = withPolicy(.float32) { Dense(2)(x) }
    let own = try Functional(inputs: [x], outputs: hidden, policy: .mixedBFloat16)
    let parent = try Functional(inputs: [x], outputs: hidden, policy: .mixedBFloat16, sublayerPolicy: .parent)
    #expect(try Model(own, runtime: runtime)(numbers([1, 2])).dtype == .float32)
    #expect(try Model(parent, runtime: runtime)(numbers([1, 2])).dtype == .bfloat16)
  }
}
