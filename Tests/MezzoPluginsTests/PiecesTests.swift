import CMezzoHost
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Each piece of a job is done once, and all before the call returns.
@Suite struct PiecesTests {
  /// A count for each piece; pieces write their own place alone.
  private static func counts(of pieces: Int, resting: Bool = false) -> [Int32] {
    var counts = [Int32](repeating: 0, count: pieces + 1)
    counts.withUnsafeMutableBufferPointer { buffer in
      buffer[pieces] = resting ? 1 : 0
      var job = (base: buffer.baseAddress, last: pieces)
      mezzo_run_pieces(
        UInt32(pieces),
        { user, index in
          guard let job = user?.assumingMemoryBound(to: (base: UnsafeMutablePointer<Int32>?, last: Int).self).pointee
          else { return }
          // A helper that is asleep, and one that is not done when the caller is.
          if job.base?[job.last] == 1 { usleep(200) }
          job.base?[Int(index)] += 1
        }, &job)
    }
    return Array(counts.dropLast())
  }

  @Test(arguments: [0, 1, 2, 3, 7]) func eachIsDoneOnce(pieces: Int) {
    for _ in 0..<50 { #expect(Self.counts(of: pieces) == Array(repeating: 1, count: pieces)) }
  }

  @Test func helpersThatSleptAreWoken() {
    for _ in 0..<10 {
      #expect(Self.counts(of: 3, resting: true) == [1, 1, 1])
      usleep(100)
    }
  }

  @Test func severalCallersShareTheHelpers() async {
    let all = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { (0..<50).allSatisfy { _ in Self.counts(of: 4) == [1, 1, 1, 1] } }
      }
      return await group.reduce(true) { $0 && $1 }
    }
    #expect(all)
  }
}
