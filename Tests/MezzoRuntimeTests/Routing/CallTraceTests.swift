import CMezzoABI
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct CallTraceTests {
  @Test func eachCallIsALine() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3]), name: "x")
    let plan = try Runtime.builtinOnly().plan(
      trace.finish([try trace.tagged(Graph.Origin(layer: "model.0", phase: .forward)) { try x.exp() }]))
    let lines = Locked<[String]>([])
    let traced = CallTrace.watched(plan.steps[0], plan.steps[0].operation) { line in lines.withLock { $0.append(line) }
    }
    #expect(traced.workspaceBytes == plan.steps[0].operation.workspaceBytes && traced.packing == nil)
    var arguments = mezzo_exec_args()
    // Without its tensors the operation fails, and the line says so.
    #expect(traced.execute(&arguments) != mezzo_status(MEZZO_OK))
    let line = try #require(lines.withLock { $0.first })
    #expect(line.hasPrefix("builtin exp of model.0 float32[2, 3] -> float32[2, 3] ") && line.contains(", status "))
  }
}
