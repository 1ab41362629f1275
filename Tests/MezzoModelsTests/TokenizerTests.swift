import Foundation
import MezzoCheckpoint
import Testing

@testable import MezzoModels

@Suite struct TokenizerTests {
  @Test func idsAreThoseOfTheTokenizersPackage() throws {
    var tokenizer = try Tokenizer(contentsOf: "\(Fixture.directory)/tokenizer.json")
    tokenizer.padding = nil
    tokenizer.truncation = Tokenizer.Truncation(maximumLength: 40)
    let cases = try Fixture.cases().ids
    #expect(cases.count > 300)
    for (text, expected) in cases.map({ ($0.text, $0.value) }) {
      #expect(tokenizer.encode(text).ids == expected, "\(text.debugDescription)")
    }
  }

  @Test func theFileSaysHowToCutAndToPad() throws {
    let tokenizer = try Tokenizer(contentsOf: "\(Fixture.directory)/tokenizer.json")
    #expect(tokenizer.truncation == Tokenizer.Truncation(maximumLength: 48))
    #expect(tokenizer.padding == Tokenizer.Padding(length: 8, multiple: 4))
    for expected in try Fixture.cases().padded {
      let encoding = tokenizer.encode(expected.text)
      #expect(encoding.ids == expected.ids && encoding.mask == expected.mask, "\(expected.text.debugDescription)")
      #expect(encoding.typeIDs.count == encoding.ids.count)
    }
  }

  @Test func textsAreFilledUpToTheLongest() throws {
    var tokenizer = try Tokenizer(contentsOf: "\(Fixture.directory)/tokenizer.json")
    tokenizer.padding = Tokenizer.Padding(isLeft: true, id: 7)
    let encodings = tokenizer.encode(["a b c d", "a"])
    #expect(encodings[0].ids.count == 6 && encodings[0].mask == [1, 1, 1, 1, 1, 1])
    #expect(encodings[1].ids.prefix(3) == [7, 7, 7] && encodings[1].mask == [0, 0, 0, 1, 1, 1])
    tokenizer.truncation = Tokenizer.Truncation(maximumLength: 4, isLeft: true)
    tokenizer.padding = nil
    #expect(tokenizer.encode("a b c d").ids == tokenizer.encode("c d").ids)
    tokenizer.truncation = Tokenizer.Truncation(maximumLength: 0)
    #expect(tokenizer.encode("a b").ids == [2, 3])
  }

  /// `String` takes these for the same, a vocabulary does not.
  @Test func canonicallyEqualTokensAreTwo() throws {
    let json = #"""
      {"model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "\u00e9": 1, "e\u0301": 2}},
       "pre_tokenizer": {"type": "BertPreTokenizer"}}
      """#
    let tokenizer = try Tokenizer(json: Array(json.utf8))
    #expect(tokenizer.encode("\u{E9}").ids == [1])
    #expect(tokenizer.encode("e\u{301}").ids == [2])
  }

  @Test(arguments: [
    ("\"type\":\"WordPiece\"", "\"type\":\"BPE\""), ("BertPreTokenizer", "ByteLevel"), ("BertNormalizer", "NFKC"),
    ("TemplateProcessing", "RobertaProcessing"), ("\"[UNK]\":1", "\"[UNK]\":-1"), ("\"vocab\"", "\"words\""),
    ("\"max_length\":48", "\"max_length\":\"48\""), ("{\"Fixed\":8}", "{\"Fixed\":-8}"),
    ("\"unk_token\":\"[UNK]\"", "\"unk_token\":\"nowhere\""),
    ("\"direction\":\"Right\"", "\"direction\":\"Up\""), ("\"Sequence\"", "\"Sentence\""),
    ("\"lowercase\":true", "\"lowercase\":3"),
    ("\"content\":\"[PAD]\"", "\"content\":5"), ("\"ids\":[2]", "\"ids\":[]"), ("\"version\"", "\"model\""),
  ])
  func whatIsNotReadIsATypedError(found: String, replacement: String) throws {
    let text = try Fixture.tokenizerText()
    #expect(text.contains(found), "\(found) is not in the file")
    let changed = Array(text.replacingOccurrences(of: found, with: replacement).utf8)
    let error = #expect(throws: PretrainedError.self) { try Tokenizer(json: changed, path: "here/tokenizer.json") }
    #expect(error?.description.hasPrefix("here/tokenizer.json: expected ") == true)
  }

  /// `MEZZO_FUZZ=200000 swift test --filter TokenizerTests` tries more: its share of so many hostile files.
  @Test func mutatedFilesNeverTrap() throws {
    let bytes = Array(try Fixture.tokenizerText().utf8)
    var random = SplitMix(state: 9)
    let wanted = ProcessInfo.processInfo.environment["MEZZO_FUZZ"].flatMap(Int.init)
    for _ in 0..<(wanted.map { $0 / 10 } ?? 150) {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let place = Int.random(in: 0..<mutated.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: mutated[place] = UInt8.random(in: 0...255, using: &random)
        case 1: mutated.removeSubrange(place..<min(place + 40, mutated.count))
        default: mutated.insert(contentsOf: mutated[place..<min(place + 9, mutated.count)], at: place)
        }
      }
      do throws(PretrainedError) { _ = try Tokenizer(json: mutated).encode("Hello <x> custom") } catch {}
    }
  }
}

struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
