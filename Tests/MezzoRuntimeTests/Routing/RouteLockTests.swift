import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct RouteLockTests {
  private func graph() throws -> Graph {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [4, 4]), name: "x")
    return trace.finish([
      try trace.tagged(Graph.Origin(layer: "model.0", phase: .forward)) { try x.matmul(x).relu().exp().exp() }
    ])
  }

  private func explanation(_ fakes: [FakeBackend], _ options: RoutingOptions = RoutingOptions()) throws -> Explanation {
    let runtime = Runtime(BackendRegistry(fakes + BackendRegistry.builtin().backends), options: options)
    return Explanation(try runtime.makePlan(graph()), on: runtime)
  }

  @Test func aLineForEachClassAndTheSameTextEachTime() throws {
    let lock = try explanation([]).lock
    #expect(lock.text == (try explanation([])).lock.text)
    let lines = lock.text.split(separator: "\n")
    #expect(lines.count == 3, "the header, the product with its relu, and exp once")
    #expect(lines[0] == #"{"format":"mezzo-routes","version":2}"#)
    #expect(lines[2].contains(#""layer":"model.0""#) && lines[2].contains(#""rule":"matmul."#))
    #expect(try RouteLock(parsing: lock.text) == lock)
    #expect(throws: Never.self) { try explanation([]).check(lock) }
  }

  @Test func differencesReadLikeADiff() throws {
    let lock = try explanation([]).lock
    let fast = FakeBackend("fast", [try .fake(.exp, "x:bf16 -> y:bf16", nanoseconds: 0)])
    let error = #expect(throws: RouteLockError.self) { try explanation([fast]).check(lock) }
    guard case .differs(let differences)? = error else { return }
    #expect(differences.count == 1)
    let text = "\(error.map(String.init(describing:)) ?? "")"
    for part in [
      "1 class of operations", "exp bfloat16 -> bfloat16 of model.0, forward", "  - builtin/exp.f32",
      "  + fast/exp.fake 1",
    ] {
      #expect(text.contains(part), "\(part) in \(text)")
    }
    #expect(lock.differences(to: RouteLock([])).allSatisfy { if case .removed = $0 { true } else { false } })
    #expect(RouteLock([]).differences(to: lock).count == 2)
    #expect("\(RouteLock([]).differences(to: lock)[0])".contains("  + builtin/"))
  }

  @Test func aRuntimeKeepsToItsLock() throws {
    var options = RoutingOptions()
    options.lock = try explanation([]).lock
    #expect(throws: Never.self) { try explanation([], options) }
    let fast = FakeBackend("fast", [try .fake(.exp, "x:bf16 -> y:bf16", nanoseconds: 0)])
    let error = #expect(throws: RuntimeError.self) { try explanation([fast], options) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains("+ fast/exp.fake"))
    // A class that the lock does not know may go its way.
    options.lock = RouteLock([])
    #expect(throws: Never.self) { try explanation([fast], options) }
  }

  /// The same routes through other code: told, and under strict routing an error.
  @Test func anotherBuildOfTheSameVersionIsSeen() throws {
    func fast(_ build: String) throws -> FakeBackend {
      FakeBackend("fast", [try .fake(.exp, "x:bf16 -> y:bf16", nanoseconds: 0)], fingerprint: build)
    }
    let lock = try explanation([try fast("build-id:01")]).lock
    #expect(lock.text.contains(#""build":"build-id:01""#))
    #expect(try explanation([try fast("build-id:01")]).check(lock, strict: true).isEmpty)
    let other = try explanation([try fast("build-id:02")])
    let rebuilt = try other.check(lock)
    #expect(rebuilt.map(\.backend) == ["fast"])
    #expect("\(rebuilt[0])" == "backend fast 1 is another build than in the lock: build-id:02, locked build-id:01")
    #expect(throws: RouteLockError.rebuilt(rebuilt)) { try other.check(lock, strict: true) }
    #expect(lock.differences(to: other.lock).isEmpty)

    var options = RoutingOptions()
    options.lock = lock
    let lines = Locked<[String]>([])
    let runtime = Runtime(
      BackendRegistry([try fast("build-id:02")] + BackendRegistry.builtin().backends), threads: 2, options: options,
      problem: nil, notices: Notices { _, text in lines.withLock { $0.append(text) } })
    _ = try runtime.makePlan(graph())
    #expect(lines.withLock { $0 } == ["\(rebuilt[0])"], "told once for two operations")
    options.isStrict = true
    let error = #expect(throws: RuntimeError.self) { try explanation([try fast("build-id:02")], options) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains("which strict routing forbids"))
  }

  @Test(arguments: [
    ("", 1, "header"), ("{}", 1, "header"), ("routes", 1, "header"),
    (#"{"format":"mezzo-routes","version":1}"#, 1, "version 2"),
    ("{\"format\":\"mezzo-routes\",\"version\":2}\nroute", 2, "a route as JSON"),
    ("{\"format\":\"mezzo-routes\",\"version\":2}\n\n{}", 3, "the field"),
    ("{\"format\":\"mezzo-routes\",\"version\":2}\n{\"layer\":3}", 2, "layer"),
  ]) func whatIsNoLockIsSaidWithItsLine(_ text: String, _ line: Int, _ part: String) {
    let error = #expect(throws: RouteLockError.self) { try RouteLock(parsing: text) }
    guard case .malformed(let found, let message)? = error else { return }
    #expect(found == line && message.contains(part), "\(message)")
  }

  /// Bytes changed at random: a lock or a typed error.
  @Test func damagedLocksAreErrors() throws {
    let text = Array(try explanation([]).lock.text.utf8)
    var generator = Xorshift(state: 11)
    for _ in 0..<300 {
      var damaged = text
      for _ in 0...generator.next(3) { damaged[generator.next(damaged.count)] = UInt8(32 + generator.next(95)) }
      do throws(RouteLockError) {
        _ = try RouteLock(parsing: String(decoding: damaged, as: UTF8.self))
      } catch {
        guard case .malformed = error else {
          Issue.record("\(error)")
          return
        }
      }
    }
  }
}
