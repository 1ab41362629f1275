import Foundation
import MezzoGolden
import MezzoPolicy
import Testing

@Suite struct GoldenFileTests {
  private static let small =
    #"{"format":1,"cases":[{"id":"a/tf24/1","group":"a","system":"tf24","input":{"x":[1,-0.0,"nan"]},"expect":{"ok":2.5}}]}"#

  private func file(_ text: String) throws(GoldenFileError) -> GoldenFile {
    try GoldenFile(Data(text.utf8), path: "cases.json")
  }

  @Test func casesAreRead() throws {
    let entry = try #require(try file(Self.small).entries.first)
    #expect(entry.id == "a/tf24/1" && entry.testCase.group == "a" && entry.testCase.system == "tf24")
    #expect(entry.testCase.input.compact == #"{"x":[1,-0,"nan"]}"#)
    #expect(entry.testCase.expect == ["ok": .number(2.5)])
  }

  @Test func membersForPeopleAreNotRead() throws {
    let text = Self.small.replacingOccurrences(
      of: #""format""#, with: #""total":99,"systems":[],"half":"open","format""#)
    #expect(try file(text).entries.count == 1)
  }

  @Test(arguments: ["2", "0", "\"1\"", "1.5", "null", "[1]"])
  func anotherFormatIsRefused(format: String) throws {
    let text = Self.small.replacingOccurrences(of: "\"format\":1", with: "\"format\":\(format)")
    #expect(throws: GoldenFileError.unknownFormat(path: "cases.json", found: format)) { try file(text) }
  }

  @Test(arguments: [
    ("", "JSON"), ("{", "JSON"), ("nonsense", "JSON"), ("[]", "an object"), ("{}", "'format'"),
    (#"{"format":1}"#, "'cases'"), (#"{"format":1,"cases":{}}"#, "'cases'"), (#"{"format":1,"cases":[1]}"#, "'id'"),
    (#"{"format":1,"cases":[{"id":1}]}"#, "'id'"),
    (#"{"format":1,"cases":[{"id":"a","group":"b","system":"c","input":1}]}"#, "'expect'"),
  ])
  func damageIsNamed(text: String, part: String) throws {
    do throws(GoldenFileError) {
      _ = try file(text)
      Issue.record("read")
    } catch {
      #expect("\(error)".contains(part) && "\(error)".contains("cases.json"))
    }
  }

  @Test func nestingWithoutEndIsRefused() {
    let text = #"{"format":1,"cases":"# + String(repeating: "[", count: 100_000)
    #expect(throws: GoldenFileError.self) { try file(text) }
  }

  @Test func missingFileIsNamed() {
    do throws(GoldenFileError) {
      _ = try GoldenFile(path: "/nonexistent/cases.json")
      Issue.record("read")
    } catch {
      #expect("\(error)".contains("'/nonexistent/cases.json'") && "\(error)".hasSuffix("there is no such file"))
    }
  }

  @Test func folderIsNoFile() {
    let folder = FileManager.default.temporaryDirectory.path
    #expect(throws: GoldenFileError.unreadable(path: folder, reason: "it is a folder")) {
      try GoldenFile(path: folder)
    }
  }

  /// One number that no double holds makes a file unreadable as a whole.
  @Test func caseOfAnUnreadableNumberIsNamed() throws {
    let one = #"{"id":"a/1","group":"a","system":"tf24","input":{"x":1},"expect":{"ok":null}}"#
    let other = one.replacingOccurrences(of: "a/1", with: "a/2").replacingOccurrences(of: "null", with: "[1,-1e400]")
    do throws(GoldenFileError) {
      _ = try file(#"{"format":1,"cases":[\#(one),\#(other)]}"#)
      Issue.record("read")
    } catch {
      #expect("\(error)".contains("case 2, a/2: expect.ok[1]"), "\(error)")
    }
  }

  /// What a case says wrongly is not taken for what it does not say.
  @Test(arguments: [
    ("lossscale.trace", #"{"init":"x","growth":2,"steps":["f"]}"#, "'init'"),
    ("lossscale.trace", #"{"init":4,"growth":"2","steps":["f"]}"#, "'growth'"),
    ("lossscale.trace", #"{"dynamic":0,"init":4,"growth":2,"steps":["f"]}"#, "'dynamic'"),
    ("lossscale.default_growth", #"{"steps":99999999999}"#, "steps"),
    ("lossscale.default_growth", #"{"steps":-1}"#, "steps"),
  ])
  func malformedInputFails(group: String, input: String, part: String) async throws {
    let text = #"{"format":1,"cases":[{"id":"a","group":"\#(group)","system":"tf24","input":\#(input),"expect":{}}]}"#
    let report = await GoldenRunner().run(try file(text).entries)
    guard case .failed(let mismatch, _)? = report.results.first?.verdict else {
      Issue.record("not failed")
      return
    }
    #expect(mismatch.got.contains("not of its group's form") && mismatch.got.contains(part), "\(mismatch.got)")
  }

  /// Whatever a damaged file says, it is refused or its cases get a verdict.
  @Test func damagedFilesDoNotTrap() async throws {
    let lines = try String(contentsOf: try GoldenCases.url(), encoding: .utf8).split(separator: "\n").dropFirst()
    var random = Xorshift(state: 0x5EED)
    var read = 0
    for _ in 0..<Sample.count(200, over: 5) {
      let chosen = (0..<4).map { _ in lines[lines.startIndex + Int(random.next() % UInt64(lines.count - 1))] }
      let cases = chosen.map { $0.hasSuffix(",") ? $0.dropLast() : $0 }.joined(separator: ",")
      var bytes = Array("{\"format\":1,\"cases\":[\(cases)]}".utf8)
      for _ in 0...random.next() % 3 { Self.mutate(&bytes, &random) }
      guard let file = try? GoldenFile(Data(bytes), path: "mutated.json") else { continue }
      read += 1
      #expect(await GoldenRunner().run(file.entries).results.count == file.entries.count)
    }
    #expect(read > Sample.count(20), "the mutations leave too little to run")
  }

  private static func mutate(_ bytes: inout [UInt8], _ random: inout Xorshift) {
    let place = Int(random.next() % UInt64(bytes.count))
    switch random.next() % 4 {
    case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
    case 1: bytes[place] = Array("0123456789-\"[]{},:e.nul".utf8)[Int(random.next() % 23)]
    case 2: bytes.remove(at: place)
    default: bytes.insert(bytes[Int(random.next() % UInt64(bytes.count))], at: place)
    }
  }
}
