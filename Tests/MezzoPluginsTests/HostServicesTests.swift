import CMezzoABI
import Foundation
import MezzoPolicy
import Testing

@testable import MezzoPlugins

@Suite struct HostServicesTests {
  private var host: mezzo_host { HostServices.table(for: "test").pointer.pointee }

  @Test func theTableIsComplete() {
    #expect(Int(host.struct_size) == MemoryLayout<mezzo_host>.size)
    #expect(host.alloc != nil && host.free != nil && host.parallel_for != nil && host.threads != nil)
    #expect(host.log != nil && host.cancelled != nil && host.config != nil)
    #expect(HostServices.threads >= 1)
    #expect(host.threads(nil) == UInt32(HostServices.threads))
    #expect(host.cancelled(nil) == 0)
  }

  @Test(arguments: [0, 1, 8, 64, 4096] as [UInt64], [0, 1, 63, 5000] as [UInt64])
  func memoryIsAligned(alignment: UInt64, bytes: UInt64) throws {
    let memory = try #require(host.alloc(nil, bytes, alignment, 0))
    memory.initializeMemory(as: UInt8.self, repeating: 7, count: Int(bytes))
    #expect(UInt64(UInt(bitPattern: memory)) % max(alignment, 8) == 0)
    host.free(nil, memory)
  }

  /// Ranges that a body was called with, and by which worker.
  private typealias Ranges = Locked<[(begin: UInt64, end: UInt64, worker: UInt32)]>

  private func ranges(_ count: UInt64, grain: UInt64) -> [(begin: UInt64, end: UInt64, worker: UInt32)] {
    let seen = Ranges([])
    let user = Unmanaged.passUnretained(seen).toOpaque()
    let status = host.parallel_for(
      nil, count, grain,
      { user, begin, end, worker in
        guard let user else { return }
        Unmanaged<Ranges>.fromOpaque(user).takeUnretainedValue().withLock { $0.append((begin, end, worker)) }
      }, user)
    #expect(status == mezzo_status(MEZZO_OK))
    return seen.withLock { $0 }.sorted { $0.begin < $1.begin }
  }

  @Test(arguments: [1, 2, 3, 7, 16, 1000, 1001, 1 << 40, .max] as [UInt64], [0, 1, 2, 3, 500, 1001, .max] as [UInt64])
  func everyIndexIsCoveredOnce(count: UInt64, grain: UInt64) {
    let pieces = ranges(count, grain: grain)
    #expect(pieces.first?.begin == 0)
    #expect(pieces.last?.end == count)
    for (left, right) in zip(pieces, pieces.dropFirst()) { #expect(left.end == right.begin) }
    #expect(pieces.allSatisfy { $0.begin < $0.end })
    #expect(pieces.dropLast().allSatisfy { $0.end - $0.begin >= grain })
    #expect(Set(pieces.map(\.worker)).count == pieces.count)
    #expect(pieces.allSatisfy { $0.worker < UInt32(HostServices.threads) })
  }

  @Test func nothingIsRunForNothing() {
    #expect(ranges(0, grain: 1).isEmpty)
    #expect(host.parallel_for(nil, 5, 1, nil, nil) == mezzo_status(MEZZO_INVALID))
  }

  @Test func parallelLoopsNest() {
    let total = Locked(UInt64(0))
    let user = Unmanaged.passUnretained(total).toOpaque()
    _ = host.parallel_for(
      nil, 8, 1,
      { user, begin, end, _ in
        _ = HostServices.table(for: "test").pointer.pointee.parallel_for(
          nil, (end - begin) * 100, 1,
          { user, begin, end, _ in
            guard let user else { return }
            Unmanaged<Locked<UInt64>>.fromOpaque(user).takeUnretainedValue().withLock { $0 += end - begin }
          }, user)
      }, user)
    #expect(total.withLock { $0 } == 800)
  }

  private func setting(_ key: String) -> String? { host.config(nil, key).map { String(cString: $0) } }

  @Test func aKeyThatIsNotSetHasNoValue() {
    #expect(host.config(nil, "no such key") == nil)
    #expect(host.config(nil, "no_such_key") == nil)
    #expect(host.config(nil, "") == nil)
    #expect(host.config(nil, nil) == nil)
  }

  @Test func settingsOfTheProgramAnswerAndStayValid() throws {
    HostServices.configure("a_key_of_this_test", "first")
    let first = try #require(host.config(nil, "A_Key_Of_This_Test"))
    HostServices.configure("a_key_of_this_test", "second")
    #expect(setting("a_key_of_this_test") == "second")
    #expect(String(cString: first) == "first")
    #expect(host.config(nil, "a_key_of_this_test") == host.config(nil, "a_key_of_this_test"))
    HostServices.configure("a_key_of_this_test", nil)
    #expect(setting("a_key_of_this_test") == nil)
  }

  @Test func theEnvironmentAnswersWhereTheProgramDoesNot() {
    // The variable is of this test alone, and no other thread asks for it.
    setenv("MEZZO_ANOTHER_KEY_OF_THIS_TEST", "from outside", 1)
    #expect(setting("another_key_of_this_test") == "from outside")
    HostServices.configure("another_key_of_this_test", "from inside")
    #expect(setting("another_key_of_this_test") == "from inside")
  }

  @Test func aTaskThatWasCancelledIsSeenOnItsThreadAndInItsLoops() async {
    #expect(host.cancelled(nil) == 0)
    let seen = await Task {
      withUnsafeCurrentTask { $0?.cancel() }
      let answers = Locked<[Int32]>([])
      let user = Unmanaged.passUnretained(answers).toOpaque()
      _ = host.parallel_for(
        nil, 64, 1,
        { user, begin, end, _ in
          guard let user else { return }
          let answers = Unmanaged<Locked<[Int32]>>.fromOpaque(user).takeUnretainedValue()
          let answer = HostServices.table(for: "test").pointer.pointee.cancelled(nil)
          answers.withLock { $0 += [Int32](repeating: answer, count: Int(end - begin)) }
        }, user)
      return answers.withLock { $0 } + [host.cancelled(nil)]
    }.value
    #expect(seen == [Int32](repeating: 1, count: 65))
  }

  @Test func memoryThatCannotBeIsRefused() {
    #expect(host.alloc(nil, 8, 3, 0) == nil)
    #expect(host.alloc(nil, .max, 64, 0) == nil)
    #expect(host.alloc(nil, 8, 1 << 63, 0) == nil)
    host.free(nil, nil)
  }

  @Test func logTakesWhateverComes() {
    host.log(host.ctx, 99, "fine", 4)
    host.log(host.ctx, 3, "cut off at its end", .max)
    host.log(host.ctx, 0, nil, 4)
    host.log(nil, 0, "nobody", 6)
  }
}
