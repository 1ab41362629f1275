import MezzoPolicy
import Testing

/// Files of policies: what is read, what is refused, and that nothing traps.
@Suite struct PolicyFileTests {
  private func read(_ text: String) throws(PolicyError) -> PolicyFile { try PolicyFile(json: Array(text.utf8)) }

  @Test func aFileIsReadAsItWasWritten() throws {
    let files = [
      PolicyFile(), PolicyFile(policy: .mixedBFloat16), PolicyFile(policy: .infer),
      PolicyFile(policy: try DTypePolicy("params=float32,compute=bfloat16,output=float32")),
      PolicyFile(
        policy: .mixedFloat16,
        map: try DTypePolicyMap(default: .float16, ["encoder/.*": .mixedBFloat16, "head": .float32])),
      PolicyFile(policy: try DTypePolicy("int8_from_mixed_bfloat16")),
    ]
    for file in files {
      #expect(try PolicyFile(json: file.json) == file)
      #expect(try PolicyFile(configuration: file.configuration) == file)
    }
  }

  @Test(
    arguments: [
      (#""mixed_float16_no""#, nil), (#""half""#, "half"), ("null", "_infer"),
      (#"{"class_name": "Policy", "config": {"name": "mixed_float16"}}"#, "mixed_float16"),
      (#"{"class_name": "PolicyV1", "config": {"name": "mixed_float16", "loss_scale": "dynamic"}}"#, "mixed_float16"),
      (
        #"{"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}, "registered_name": null}"#,
        "mixed_bfloat16"
      ),
      (#"{"name": "float64"}"#, "float64"),
      (#"{"class_name": "Dense", "config": {"units": 3, "dtype": "bfloat16"}}"#, "bfloat16"),
      (
        #"{"units": 3, "dtype": {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}}"#, "mixed_float16"
      ),
      (
        #"{"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}}"#,
        "int8_from_float32"
      ),
      (#"{"mezzo_policy": 1, "policy": "float16"}"#, "float16"),
      (#"{"mezzo_policy": 2, "policy": "float16"}"#, nil), (#"{"mezzo_policy": 1, "polcy": "float16"}"#, nil),
      (#"{"mezzo_policy": 1.5}"#, nil), (#"{"class_name": "NoSuch", "config": {"name": "float16"}}"#, nil),
      (#"{"class_name": "Policy", "config": {"name": "float16", "surprise": 1}}"#, nil), ("{}", nil), ("[]", nil),
      ("7", nil), ("", nil), ("{", nil),
    ] as [(String, String?)])
  func oldAndNewFormsAreReadAndOthersRefused(text: String, name: String?) throws {
    guard let name else {
      let error = #expect(throws: PolicyError.self) { try read(text) }
      #expect(!"\(try #require(error))".isEmpty)
      return
    }
    #expect(try read(text).policy == DTypePolicy(name))
  }

  @Test func filesTooLargeOrTooDeepAreRefusedAtOnce() {
    for text in [
      String(repeating: "[", count: 100_000), String(repeating: #"{"a":"#, count: 1000) + "1",
      "\"" + String(repeating: "x", count: PolicyFile.largestSize) + "\"", "\"a\u{0}b\"",
    ] {
      #expect(throws: PolicyError.self) { try read(text) }
    }
  }

  private static let seeds = [
    #"{"mezzo_policy": 1, "policy": "mixed_bfloat16", "map": {"default_policy": "mixed_float16", "policy_map": {"a/(b|c)*": "float32", "head": {"class_name": "DTypePolicy", "config": {"name": "bfloat16"}}}}}"#,
    #"{"class_name": "QuantizedFloat8DTypePolicy", "config": {"mode": "float8", "source_name": "mixed_bfloat16", "amax_history_length": 1024}}"#,
    #"{"class_name": "Dense", "config": {"dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}}}}"#,
    #"{"class_name": "DTypePolicyMap", "config": {"default_policy": null, "policy_map": {"[a-z]+/.{1,3}": "int4/64_from_float32"}}}"#,
    #"{"mezzo_policy": 1, "policy": {"class_name": "DTypePolicy", "config": {"name": "params=float32,compute=bfloat16,output=float32"}}}"#,
  ]

  /// Words that mutations put in, beside bytes.
  private static let words = [
    "null", "\"float16\"", "-1", "1e999", "9223372036854775808", "{}", "[]", "\"(\"", "\"a{99999}\"", "\"_from_\"",
    "\"int8_from_\"", ",", ":", "\\u0000", "\"compute=\"",
  ]

  @Test func mutatedFilesGiveAPolicyOrATypedError() throws {
    var random = Xorshift(state: 0x9E37_79B9)
    var (valid, refused) = (0, 0)
    for index in 0..<Sample.count(10_000) {
      var bytes = Array(Self.seeds[index % Self.seeds.count].utf8)
      for _ in 0..<1 + Int(random.next() % 4) {
        let place = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 5 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next() >> 20)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(contentsOf: bytes[place..<min(place + 12, bytes.count)], at: place)
        case 3: bytes.insert(contentsOf: Self.words[Int(random.next() % UInt64(Self.words.count))].utf8, at: place)
        default: bytes.removeSubrange(place..<min(place + 3, bytes.count))
        }
        if bytes.isEmpty { bytes = [0x7B] }
      }
      do throws(PolicyError) {
        let file = try PolicyFile(json: bytes)
        valid += 1
        // What was read can be used and written.
        if try PolicyFile(json: file.json) != file { Issue.record("\(String(decoding: bytes, as: UTF8.self))") }
        do throws(PolicyError) { _ = try file.map?.policy(forPath: "a/bcbcbcbcbcbcbcbcbcbcbcbcd") } catch {}
      } catch {
        refused += 1
      }
    }
    #expect(valid > Sample.count(50))
    #expect(refused > Sample.count(3000))
  }
}
