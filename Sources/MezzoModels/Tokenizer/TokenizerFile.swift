import MezzoCheckpoint

extension Tokenizer {
  /// Reads a `tokenizer.json` whose model is WordPiece, as models of the BERT family have it.
  ///
  /// - Throws: `CheckpointError` if the file cannot be read, ``PretrainedError`` if it is damaged or asks for something
  ///   else.
  public init(contentsOf path: String) throws { try self.init(TokenizerFile(ModelFile(path))) }

  /// Reads the text of a `tokenizer.json`.
  ///
  /// - Parameter path: what errors call it.
  public init(json: [UInt8], path: String = "tokenizer.json") throws(PretrainedError) {
    try self.init(TokenizerFile(ModelFile(json, path: path)))
  }

  private init(_ file: TokenizerFile) throws(PretrainedError) {
    let vocabulary = try file.vocabulary()
    let added = try file.addedTokens(vocabulary.trie)
    self.init(
      normalizer: try file.normalizer(), added: added, model: try file.model(vocabulary.trie),
      template: try file.template(),
      vocabularySize: Int(max(vocabulary.last, added.map(\.id).max() ?? -1)) + 1, truncation: try file.truncation(),
      padding: try file.padding())
    try file.requirePreTokenizer()
  }
}

/// The sections of a `tokenizer.json`.
private struct TokenizerFile {
  let file: ModelFile

  init(_ file: ModelFile) { self.file = file }

  private static let ids = 0...Int(Int32.max) - 1
  private static let lengths = 0...1 << 24

  private func section(_ name: String) -> JSONValue? { file.value[name] }

  /// The section's `type`, for those that have one of several.
  private func type(_ section: JSONValue) throws(PretrainedError) -> String {
    try file.string("type", of: section, or: "nothing")
  }

  private func modelSection() throws(PretrainedError) -> JSONValue {
    guard let model = section("model"), model.object != nil else {
      throw file.malformed("an object as model", file.value["model"]?.kind ?? "nothing")
    }
    let type = try file.string("type", of: model, or: "WordPiece")
    guard type == "WordPiece" else { throw file.unsupported("a WordPiece model", type) }
    return model
  }

  func vocabulary() throws(PretrainedError) -> (trie: Trie, last: Int32) {
    let model = try modelSection()
    let members = try file.member("vocab", of: model, "an object of ids", \.object)
    var (trie, last) = (Trie(), Int32(-1))
    for member in members {
      guard let id = member.value.integer, Self.ids.contains(id) else {
        throw file.malformed("an id for the token \"\(member.name)\"", member.value.kind)
      }
      trie.insert(member.name.utf8, Int32(id))
      last = max(last, Int32(id))
    }
    return (trie, last)
  }

  func model(_ vocabulary: Trie) throws(PretrainedError) -> WordPiece {
    let model = try modelSection()
    let unknown = try file.string("unk_token", of: model, or: "[UNK]")
    guard let id = vocabulary.value(of: unknown.utf8) else {
      throw file.malformed("the unknown token \"\(unknown)\" in the vocabulary", "none")
    }
    return WordPiece(
      vocabulary, continuationPrefix: try file.string("continuing_subword_prefix", of: model, or: "##"), unknown: id,
      longestWord: try file.integer("max_input_chars_per_word", of: model, in: Self.lengths, or: 100))
  }

  func addedTokens(_ vocabulary: Trie) throws(PretrainedError) -> [AddedTokens.Token] {
    let list = try file.member("added_tokens", of: file.value, "a list of tokens", \.array, or: [])
    var tokens: [AddedTokens.Token] = []
    for entry in list {
      let content = try file.string("content", of: entry)
      let id = Int32(try file.integer("id", of: entry, in: Self.ids))
      let isSpecial = try file.flag("special", of: entry, or: false)
      tokens.append(
        AddedTokens.Token(
          id: vocabulary.value(of: content.utf8) ?? id, content: content,
          isSingleWord: try file.flag("single_word", of: entry, or: false),
          stripsLeft: try file.flag("lstrip", of: entry, or: false),
          stripsRight: try file.flag("rstrip", of: entry, or: false),
          isNormalized: try file.flag("normalized", of: entry, or: !isSpecial)))
    }
    return tokens
  }

  func normalizer() throws(PretrainedError) -> BertNormalizer? {
    guard let section = section("normalizer") else { return nil }
    guard try type(section) == "BertNormalizer" else {
      throw file.unsupported("a BertNormalizer", "\(try type(section)) as normalizer")
    }
    let lowercases = try file.flag("lowercase", of: section, or: true)
    return BertNormalizer(
      cleansText: try file.flag("clean_text", of: section, or: true),
      separatesIdeographs: try file.flag("handle_chinese_chars", of: section, or: true),
      stripsAccents: try file.flag("strip_accents", of: section, or: lowercases), lowercases: lowercases)
  }

  func requirePreTokenizer() throws(PretrainedError) {
    let found = try section("pre_tokenizer").map { section throws(PretrainedError) in try type(section) } ?? "none"
    guard found == "BertPreTokenizer" else {
      throw file.unsupported("a BertPreTokenizer", "\(found) as pre_tokenizer")
    }
  }

  func truncation() throws(PretrainedError) -> Tokenizer.Truncation? {
    guard let section = section("truncation") else { return nil }
    return Tokenizer.Truncation(
      maximumLength: try file.integer("max_length", of: section, in: Self.lengths), isLeft: try isLeft(section))
  }

  func padding() throws(PretrainedError) -> Tokenizer.Padding? {
    guard let section = section("padding") else { return nil }
    var padding = Tokenizer.Padding(
      multiple: try file.integer("pad_to_multiple_of", of: section, in: Self.lengths, or: 1),
      isLeft: try isLeft(section), id: Int32(try file.integer("pad_id", of: section, in: Self.ids, or: 0)),
      typeID: Int32(try file.integer("pad_type_id", of: section, in: Self.ids, or: 0)))
    if let strategy = section["strategy"], strategy.string != "BatchLongest" {
      padding.length = try file.integer("Fixed", of: strategy, in: Self.lengths)
    }
    return padding
  }

  private func isLeft(_ section: JSONValue) throws(PretrainedError) -> Bool {
    let direction = try file.string("direction", of: section, or: "Right")
    guard direction == "Left" || direction == "Right" else {
      throw file.malformed("Left or Right as direction", "\"\(direction)\"")
    }
    return direction == "Left"
  }
}

// MARK: - Templates

extension TokenizerFile {
  func template() throws(PretrainedError) -> Tokenizer.Template {
    guard let section = section("post_processor") else { return Tokenizer.Template() }
    switch try type(section) {
    case "TemplateProcessing": return try templateProcessing(section)
    case "BertProcessing":
      return Tokenizer.Template(before: [try bertToken("cls", section)], after: [try bertToken("sep", section)])
    case let other: throw file.unsupported("TemplateProcessing or BertProcessing", "\(other) as post_processor")
    }
  }

  /// `["[SEP]", 102]`
  private func bertToken(_ name: String, _ section: JSONValue) throws(PretrainedError) -> (Int32, Int32) {
    guard let pair = section[name]?.array, pair.count == 2, let id = pair[1].integer, Self.ids.contains(id) else {
      throw file.malformed("a token and its id as \(name)", section[name]?.kind ?? "nothing")
    }
    return (Int32(id), 0)
  }

  private func templateProcessing(_ section: JSONValue) throws(PretrainedError) -> Tokenizer.Template {
    var template = Tokenizer.Template()
    var seesText = false
    for piece in try file.member("single", of: section, "a list of pieces", \.array) {
      if let sequence = piece["Sequence"] {
        guard !seesText, try file.string("id", of: sequence) == "A" else {
          throw file.malformed("the sequence A once in the template of a single text", sequence.kind)
        }
        seesText = true
        template.typeID = Int32(try file.integer("type_id", of: sequence, in: Self.ids, or: 0))
      } else {
        let special = try file.member("SpecialToken", of: piece, "a special token or a sequence", { $0 })
        let typeID = Int32(try file.integer("type_id", of: special, in: Self.ids, or: 0))
        let ids = try ids(of: try file.string("id", of: special), section).map { ($0, typeID) }
        if seesText { template.after += ids } else { template.before += ids }
      }
    }
    guard seesText else { throw file.malformed("the sequence A in the template of a single text", "none") }
    return template
  }

  private func ids(of token: String, _ section: JSONValue) throws(PretrainedError) -> [Int32] {
    let ids = section["special_tokens"]?[token]?["ids"]?.array ?? []
    let known = ids.compactMap(\.integer).filter(Self.ids.contains)
    guard !known.isEmpty, known.count == ids.count else {
      throw file.malformed("the ids of \"\(token)\" among the template's special_tokens", "none")
    }
    return known.map(Int32.init)
  }
}
