import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoGraph

@Suite struct OperationRulesTests {
  static let origin = Graph.Origin(layer: "encoder.0.dense", phase: .forward)

  /// A new operation has to be written into the table.
  @Test func everyOperationIsInTheTable() {
    var codes: Set<OperationCode> = []
    var views: Set<String> = []
    for operationCase in OperationCase.all {
      switch operationCase.operation.lowering {
      case .backend(let code, _): codes.insert(code)
      case .view(let view):
        switch view {
        case .transpose: views.insert("transpose")
        case .reshape: views.insert("reshape")
        case .broadcast: views.insert("broadcast")
        case .windows: views.insert("windows")
        }
      case .constant: views.insert("constant")
      }
      #expect(!operationCase.refused.isEmpty)
    }
    #expect(Set(OperationCode.allCases).subtracting(codes).isEmpty)
    #expect(views == ["transpose", "reshape", "broadcast", "windows", "constant"])
  }

  @Test func namesAreThoseOfTheCodes() {
    for operationCase in OperationCase.all {
      if case .backend(let code, _) = operationCase.operation.lowering { #expect(operationCase.name == code.name) }
    }
  }

  @Test(arguments: OperationCase.all.indices) func acceptsAndTypesItsResults(_ index: Int) throws {
    let operationCase = OperationCase.all[index]
    for (operands, results) in operationCase.accepted {
      let trace = Trace()
      let symbols = operands.map { trace.input($0, name: "operand") }
      let found = try trace.apply(operationCase.operation, symbols)
      #expect(found.map(\.type) == results, "\(operationCase.name) of \(operands)")
    }
  }

  @Test(arguments: OperationCase.all.indices) func refusesTheRestAndSaysWhere(_ index: Int) {
    let operationCase = OperationCase.all[index]
    for (operands, why) in operationCase.refused {
      let trace = Trace()
      let symbols = operands.map { trace.input($0, name: "operand") }
      let error = #expect(throws: GraphError.self, "\(operationCase.name) of \(operands)") {
        try trace.tagged(Self.origin) { _ = try trace.apply(operationCase.operation, symbols) }
      }
      guard let error else { continue }
      #expect(error.layer == Self.origin.layer)
      switch error.kind {
      case .shape(let operation, let expected, let found), .dtype(let operation, let expected, let found):
        #expect(operation == operationCase.name)
        #expect(!expected.isEmpty)
        #expect(Set(found).isSubset(of: operands))
        #expect(found.isEmpty == operands.isEmpty)
        if case .shape = error.kind {
          #expect(why == .shape, "\(error)")
        } else {
          #expect(why == .dtype, "\(error)")
        }
        for type in found { #expect("\(error)".contains("\(type)")) }
      case .attribute(let operation, _, let found):
        #expect(operation == operationCase.name)
        #expect(why == .attribute, "\(error)")
        #expect("\(error)".contains(found))
      default: Issue.record("\(operationCase.name) of \(operands): \(error)")
      }
      #expect("\(error)".hasPrefix("layer encoder.0.dense: "))
      // What was refused must leave no trace.
      #expect(trace.finish([]).nodes.isEmpty)
    }
  }

  @Test func resultsThatNoMemoryHoldsAreRefused() {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [1]), name: "x")
    for shape in [[-1], [Int.max], [.max, 2]] {
      #expect(throws: GraphError(.unusableType(TensorType(.float32, shape)))) { try x.broadcast(to: shape) }
    }
    #expect(throws: GraphError(.unusableType(TensorType(.string, [1])))) { try x.cast(to: .string) }
    let key = trace.input(TensorType(.int64, [2]), name: "key")
    #expect(throws: GraphError(.unusableType(TensorType(.float32, [-3])))) { try key.randomUniform([-3], stream: 0) }
    let labels = trace.input(TensorType(.int32, [4]), name: "labels")
    #expect(throws: GraphError.self) { try labels.oneHot(depth: .max, dtype: .float32) }
    #expect(throws: GraphError(.unusableType(TensorType(.complex64, [])))) { try trace.constant(1, dtype: .complex64) }
  }

  @Test func negativeAxesCountFromTheEnd() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3, 4]), name: "x")
    #expect(try x.sum(axes: [-1]).shape == [2, 3])
    #expect(try x.mean(axes: [-1, 0], keepDims: true).shape == [1, 3, 1])
    #expect(try x.max().shape == [])
    #expect(try x.softmax(axis: -3).shape == x.shape)
    #expect(try x.argMax().type == TensorType(.int32, [2, 3]))
    #expect(try x.transposed().shape == [2, 4, 3])
    #expect(throws: GraphError.self) { try x.sum(axes: [-4]) }
    #expect(throws: GraphError.self) { try x.sum(axes: [2, -1]) }
    #expect(throws: GraphError.self) { try x.softmax(axis: 3) }
    #expect(throws: GraphError.self) { try trace.constant(1, dtype: .float32).argMax() }
  }
}
