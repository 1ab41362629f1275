import Foundation
import Testing

@testable import MezzoModels

/// The tiny random model and what transformers and tokenizers made of texts with it (`Tools/make_tiny_model.py`).
enum Fixture {
  static var directory: String {
    get throws { try path("tiny") }
  }

  static func path(_ name: String) throws -> String {
    let file = Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Resources")
    return try #require(file, "\(name) is not among the resources").path
  }

  struct Cases: Decodable {
    var ids: [Pair<[Int32]>]
    var embeddings: [Pair<[Float]>]
    var padded: [Triple]
  }

  struct Pair<Value: Decodable>: Decodable {
    var text: String
    var value: Value

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      text = try list.decode(String.self)
      value = try list.decode(Value.self)
    }
  }

  struct Triple: Decodable {
    var text: String
    var ids: [Int32]
    var mask: [Int32]

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      text = try list.decode(String.self)
      ids = try list.decode([Int32].self)
      mask = try list.decode([Int32].self)
    }
  }

  static func cases() throws -> Cases {
    try JSONDecoder().decode(Cases.self, from: Data(contentsOf: URL(filePath: path("cases.json"))))
  }

  static func tokenizerText() throws -> String {
    try String(contentsOfFile: "\(directory)/tokenizer.json", encoding: .utf8)
  }
}
