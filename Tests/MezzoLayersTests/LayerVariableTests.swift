import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// What variables are stored in, and what they are read in where.
@Suite struct LayerVariableTests {
  private let runtime = Runtime.builtinOnly()
  private let input = TensorType(.float32, [1, 2])

  @discardableResult
  private func trace(_ layer: CustomLayer) throws -> TracedCall {
    try TracedCall(Model(layer, runtime: runtime), input: input, isTraining: true) { _ in .constant }
  }

  struct Reading: Sendable, CustomStringConvertible {
    var policy: DTypePolicy
    var asked: DType?
    var autocast = true
    var stored: DType
    var read: DType
    var description: String { "\(policy.name), \(asked?.name ?? "default")\(autocast ? "" : ", opted out")" }
  }

  static let readings: [Reading] = [
    Reading(policy: .mixedFloat16, asked: nil, stored: .float32, read: .float16),
    Reading(policy: .mixedFloat16, asked: .float64, stored: .float64, read: .float16),
    Reading(policy: .mixedFloat16, asked: .float16, stored: .float16, read: .float16),
    Reading(policy: .mixedBFloat16, asked: .float16, stored: .float16, read: .bfloat16),
    Reading(policy: .mixedFloat16, asked: .int32, stored: .int32, read: .int32),
    Reading(policy: .mixedFloat16, asked: nil, autocast: false, stored: .float32, read: .float32),
    Reading(policy: .float32, asked: .float64, stored: .float64, read: .float64),
    Reading(policy: .float64, asked: .float16, stored: .float16, read: .float16),
    Reading(policy: .float16, asked: nil, stored: .float16, read: .float16),
    Reading(policy: DTypePolicy(.int32), asked: nil, stored: .int32, read: .int32),
    Reading(policy: DTypePolicy(.int32), asked: .float64, stored: .float64, read: .float64),
  ]

  @Test(arguments: readings) func layersReadTheirVariablesAsTensorFlowDoes(_ reading: Reading) throws {
    try trace(
      CustomLayer(
        reading.policy,
        building: { context in
          let variable = try context.variable("v", shape: [2], dtype: reading.asked, autocast: reading.autocast)
          #expect(variable.dtype == reading.stored, "outside of call nothing is cast")
        }
      ) { input, context in
        let variable = try context.parameter("v", shape: [2], dtype: reading.asked, autocast: reading.autocast)
        #expect(variable.dtype == reading.stored)
        #expect(try variable.value(in: context).dtype == reading.read)
        return input
      })
  }

  @Test(arguments: [
    (DTypePolicy.mixedFloat16, DTypePolicy.float32, DType.float32), (.mixedFloat16, .mixedBFloat16, .bfloat16),
    (.mixedFloat16, DTypePolicy(.int32), .float32), (.float16, .float64, .float16), (.float32, .mixedFloat16, .float32),
  ])
  func anInnerLayerReadsInItsOwnDTypeWhatFollowsTheCall(outer: DTypePolicy, inner: DTypePolicy, read: DType) throws {
    try trace(
      CustomLayer(outer) { input, context in
        let variable = try context.parameter("v", shape: [2])
        let before = try variable.value(in: context).dtype
        let innerLayer = CustomLayer(inner, autocast: false) { input, context in
          let value = try variable.value(in: context)
          #expect(value.dtype == read)
          return input
        }
        _ = try context.call(innerLayer, input, name: "inner")
        #expect(try variable.value(in: context).dtype == before)
        #expect(before == outer.computeDType)
        return input
      })
  }

  @Test func aVariableOfAPureLayerCanBeMadeToFollow() throws {
    try trace(
      CustomLayer(.float32) { input, context in
        let variable = try context.parameter("v", shape: [2], dtype: .float64).autocasting()
        #expect(try variable.value(in: context).dtype == .float32)
        let number = try context.parameter("n", shape: [2], dtype: .int32)
        #expect(throws: LayerError.nonFloatingVariable(path: "n", dtype: "int32")) { try number.autocasting() }
        return input
      })
  }

  @Test func variablesBeginAsTheirDTypeDoes() throws {
    let model = Model(
      CustomLayer(.mixedFloat16) { input, context in
        _ = try context.variable("float", shape: [64, 64])
        _ = try context.variable("int", shape: [3], dtype: .int64)
        _ = try context.variable("bool", shape: [3], dtype: .bool)
        return input
      }, runtime: runtime)
    try model.build(input: input)
    let variables = try model.variables
    let drawn = variables["float"]?.scalars() ?? []
    let limit = (6.0 / 128).squareRoot()
    #expect(drawn.contains { $0 != 0 })
    #expect(drawn.allSatisfy { abs($0) <= limit })
    #expect(variables["int"]?.type == TensorType(.int64, [3]))
    #expect(variables["int"]?.scalars() == [0, 0, 0])
    #expect(variables["bool"]?.dtype == .bool)
    #expect(variables.isTrainable("float"))
    #expect(!variables.isTrainable("int"), "integers have no gradients")
  }

  @Test(arguments: [DType.complex64, .string]) func otherDTypesNeedAnInitializer(_ dtype: DType) throws {
    #expect(throws: LayerError.self) {
      try trace(
        CustomLayer { input, context in
          _ = try context.variable("v", shape: [2], dtype: dtype)
          return input
        })
    }
  }

  @Test func randomNumbersAreNotDrawnForIntegers() throws {
    let error = #expect(throws: LayerError.self) {
      try trace(
        CustomLayer { input, context in
          _ = try context.variable("v", shape: [2], initializer: .heUniform, dtype: .int32)
          return input
        })
    }
    #expect(error?.description.contains("int32") == true)
  }

  @Test func anAssignedValueIsReadRoundedAndStoredInFull() throws {
    let exact = 1 + 0x1p-12
    let call = try trace(
      CustomLayer(.mixedBFloat16) { input, context in
        let variable = try context.parameter("v", shape: [], initializer: .zeros, isTrainable: false)
        #expect(variable.dtype == .float32)
        try context.assign(variable, context.trace.constant(exact, dtype: .float64))
        return try variable.value(in: context)
      })
    let assignment = try #require(call.assignments.first)
    #expect(assignment.variable.path == "v")
    #expect(try call.output.dtype == .bfloat16)
    let graph = call.trace.finish([try call.output], updates: [(assignment.variable.stored, assignment.value)])
    var states = [try Tensor(0, dtype: .float32)]
    let outputs = try runtime.makePlan(graph).run([Tensor(zeros: input)], states: &states)
    #expect(outputs[0].scalars() == [1])
    #expect(states[0].scalars() == [exact])
  }

  @Test func aSecondAssignmentBuildsOnTheFirst() throws {
    let call = try trace(
      CustomLayer { input, context in
        let variable = try context.parameter("v", shape: [], initializer: .zeros, isTrainable: false)
        for _ in 0..<3 { try context.assign(variable, variable.value(in: context) + 2) }
        return input
      })
    let assignment = try #require(call.assignments.first)
    #expect(call.assignments.count == 1)
    let graph = call.trace.finish([try call.output], updates: [(assignment.variable.stored, assignment.value)])
    var states = [try Tensor(1, dtype: .float32)]
    _ = try runtime.makePlan(graph).run([Tensor(zeros: input)], states: &states)
    #expect(states[0].scalars() == [7])
  }

  @Test func whatCannotBeAssignedIsRefused() throws {
    try trace(
      CustomLayer { input, context in
        let trained = try context.parameter("trained", shape: [2])
        #expect(throws: LayerError.self) { try context.assign(trained, input.reshaped([2])) }
        let other = try context.parameter("other", shape: [3], initializer: .zeros, isTrainable: false)
        let error = #expect(throws: LayerError.self) { try context.assign(other, input.reshaped([2])) }
        #expect(error?.description.contains("[3]") == true)
        return input
      })
  }

  @Test func aCallThatIsNoTrainingLeavesVariablesAsTheyWere() throws {
    let model = Model(
      CustomLayer { input, context in
        let variable = try context.parameter("v", shape: [], initializer: .zeros, isTrainable: false)
        try context.assign(variable, variable.value(in: context) + 1)
        return try input + variable.value(in: context)
      }, runtime: runtime)
    let zeros = try Tensor(zeros: input)
    for _ in 0..<2 { #expect(try model(zeros).scalars() == [1, 1]) }
    #expect(try model.variables["v"]?.scalars() == [0])
  }
}
