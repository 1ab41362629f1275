import Foundation
import Testing

#if canImport(Glibc)
  import Glibc

  /// They have an allocator of their own, in whose place nothing can be put.
  private enum Sanitizers {
    static let arePresent = ["__asan_init", "__tsan_init"].contains { (name: String) in dlsym(nil, name) != nil }
  }
#endif

@Suite struct BenchTests {
  /// Answers to `requests`, in their order.
  private func answers(_ requests: String...) throws -> [[String: Any]] {
    let command = try Command("bench", "--worker", input: requests.map { $0 + "\n" }.joined())
    #expect(command.status == 0, "\(command.error)")
    return try command.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  private func prepare(_ workload: String, _ parameters: String, _ variant: String) -> String {
    #"{"cmd":"prepare","workload":"\#(workload)","params":\#(parameters),"variant":"\#(variant)","threads":1,"seed":0}"#
  }

  private static let run = #"{"cmd":"run","seconds":0.001,"max_iterations":3}"#

  /// Losses of the first five steps, computed with NumPy in float64 from the same streams and gradients by hand.
  @Test func trainingIsThatOfTheReference() throws {
    let sizes = #"{"batch":32,"sizes":[64,48,10]}"#
    let replies = try answers(
      prepare("W1", sizes, "float64"), Self.run, Self.run, prepare("W1", sizes, "mixed_float16"), Self.run)
    let reference = [2.7132832749190747, 2.6420592860566714, 2.5721893933940896, 2.503625147471121, 2.43650394600117]
    for (reply, tolerance) in [(replies[1], 1e-9), (replies[2], 1e-9), (replies[4], 1e-3)] {
      let check = try #require(reply["check"] as? [Double])
      #expect(check.count == 5)
      for (loss, expected) in zip(check, reference) { #expect(abs(loss - expected) < tolerance * expected) }
      #expect(try #require(reply["times_ms"] as? [Double]).allSatisfy { $0 > 0 })
    }
  }

  @Test(arguments: [
    ("W2", #"{"batch":2,"image":8,"channels":[1,3,4],"hidden":5,"classes":3}"#, 5),
    ("W4", #"{"batch":1,"seq":4,"width":8,"heads":2,"ffn":16}"#, 5), ("W5a", #"{"batch":2,"inputs":8,"outputs":4}"#, 8),
    ("W5b", #"{"batch":1,"width":8,"depth":3}"#, 8), ("W6a", #"{"rows":4,"cols":32}"#, 64),
    ("W6b", #"{"rows":4,"cols":8}"#, 32), ("W6c", #"{"rows":4,"cols":8}"#, 32),
  ])
  func everyWorkloadRuns(workload: String, parameters: String, count: Int) throws {
    let replies = try answers(
      prepare(workload, parameters, "float32"), Self.run, prepare(workload, parameters, "mixed_bfloat16"), Self.run)
    let exact = try #require(replies[1]["check"] as? [Double])
    let rounded = try #require(replies[3]["check"] as? [Double])
    #expect(exact.count == count && rounded.count == count)
    let norm = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let error = zip(exact, rounded).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    #expect(error < 0.02 * norm && exact != rounded)
  }

  @Test func whatCannotBeDoneIsAnswered() throws {
    let replies = try answers(
      #"{"cmd":"hello"}"#, Self.run, #"{"cmd":"dance"}"#, "{", prepare("W9", "{}", "float32"),
      prepare("W1", #"{"batch":0}"#, "float32"), prepare("W1", "{}", "int3"), #"{"cmd":"memory"}"#, #"{"cmd":"quit"}"#,
      #"{"cmd":"hello"}"#)
    #expect(replies.count == 8)
    #expect(replies[0]["protocol"] as? Int == 1 && replies[0]["name"] as? String == "mezzo")
    for reply in replies[1...6] { #expect(reply["ok"] as? Bool == false && reply["why"] is String) }
    #expect(try #require(replies[7]["rss_mb"] as? Double) > 1)
  }

  @Test func callsAllocateNothing() throws {
    let rows = try Command("bench", "--calls", "--seconds", "0.01", "--json").jsonList()
    #expect(rows.map { $0["arguments"] as? Int } == [2, 14, 0, 0, 0])
    for row in rows.dropFirst(2) { #expect(try #require(row["nanoseconds"] as? Double) > 0 && row["path"] is String) }
    for row in rows.prefix(2) {
      #expect(try #require(row["nanoseconds"] as? Double) > 0)
      // A sanitizer's allocator cannot be counted at.
      #expect([0, nil].contains(row["allocations"] as? Int))
      #if canImport(Glibc)
        #expect(row["allocations"] is Int || Sanitizers.arePresent)
      #endif
    }
    let table = try Command("bench", "--calls", "--seconds", "0.01")
    #expect(table.status == 0 && table.output.contains("compiled plugin") && table.error.isEmpty, "\(table.error)")
    #expect(try Command("bench", "W1", "--calls").status == 64)
  }

  @Test func modelsRunTogether() throws {
    let arguments = ["bench", "W5b", "W6b", "--together", "--policy", "float32", "--seconds", "0.03"]
    let rows = try Command(arguments: arguments + ["--json"]).jsonList()
    #expect(rows.map { $0["workload"] as? String } == ["W5b", "W6b"])
    for row in rows {
      let share = try #require(row["share"] as? Double), alone = try #require(row["aloneMilliseconds"] as? Double)
      #expect(share > 0 && alone > 0 && (row["togetherMilliseconds"] as? Double ?? 0) > 0)
    }
    let table = try Command(arguments: arguments)
    #expect(table.status == 0 && table.output.contains("all") && table.output.contains("%"))
    #expect(try Command("bench", "--together").status == 64)
    #expect(try Command("bench", "W1", "--together", "--worker").status == 64)
  }

  @Test func tableAndJSON() throws {
    let table = try Command("bench", "W6b", "--policy", "float32", "--seconds", "0.001")
    #expect(table.status == 0 && table.output.contains("softmax") && table.error.isEmpty)
    let rows = try Command("bench", "W5b", "--policy", "float32", "--seconds", "0.001", "--json").jsonList()
    #expect(rows.count == 1 && rows[0]["workload"] as? String == "W5b")
    #expect(try #require(rows[0]["operationsPerSecond"] as? Double) > 0)
    #expect(try Command("bench", "W0").status == 64)
  }

  @Test func sizesAreWhatIsAskedFor() throws {
    let asked = ["W5b:width=16:depth=2", "W1:batch=4:sizes=8-6-3"]
    let rows = try Command(arguments: ["bench"] + asked + ["--policy", "float32", "--seconds", "0.001", "--json"])
      .jsonList()
    #expect(rows.map { $0["workload"] as? String } == asked)
    // Of a chain of two products of 16 × 16, and of forward, weights and, but for the first layer, inputs.
    let products = [2.0 * 2 * 16 * 16, 2 * 4 * Double(3 * (8 * 6 + 6 * 3) - 8 * 6)]
    for (row, operations) in zip(rows, products) {
      let rate = try #require(row["operationsPerSecond"] as? Double)
      let median = try #require(row["medianMilliseconds"] as? Double)
      #expect(abs(rate * median / 1e3 - operations) < 1e-6 * operations)
    }
  }

  @Test(arguments: [
    ("W1:rows=4", "W1 has no parameter rows; it has batch, sizes"), ("W1:batch", "such as batch=16"),
    ("W1:batch=0", "1 to"), ("W1:batch=many", "1 to"), ("W1:batch=4-5", "1 to"), ("W1:sizes=8", "2 to 64 sizes"),
    ("W1:batch=4:batch=2", "given once"), ("W1:", "such as batch=16"), ("", "there is no workload"),
  ])
  func sizesThatCannotBeAreRefused(workload: String, why: String) throws {
    let run = try Command("bench", workload, "--policy", "float32", "--seconds", "0.001")
    #expect(run.status == 64 && run.error.contains(why), "\(run.error)")
  }
}
