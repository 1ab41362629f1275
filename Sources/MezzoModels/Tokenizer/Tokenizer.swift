import MezzoCheckpoint

/// A tokenizer as `tokenizer.json` describes it, for models of the BERT family: text to the ids of word pieces, the same
/// ids as those of the `tokenizers` package.
///
/// ```swift
/// let tokenizer = try Tokenizer(contentsOf: "all-MiniLM-L6-v2/tokenizer.json")
/// tokenizer.encode("Hello world").ids   // [101, 7592, 2088, 102]
/// ```
public struct Tokenizer: Sendable {
  /// How text that is too long is cut; `nil` for not at all.
  public var truncation: Truncation?
  /// How ids are filled up; `nil` for not at all.
  public var padding: Padding?

  let normalizer: BertNormalizer?
  private let rawTokens: AddedTokens
  private let normalizedTokens: AddedTokens
  private let model: WordPiece
  private let template: Template
  /// The number of ids that the vocabulary and the added tokens have: the largest, and one more.
  public let vocabularySize: Int
  /// What fills up, also where ``padding`` is nil.
  let paddingID: Int32

  public struct Truncation: Sendable, Hashable {
    /// Ids in all, with those that the template adds.
    public var maximumLength: Int
    /// Whether the beginning is cut off rather than the end.
    public var isLeft = false

    public init(maximumLength: Int, isLeft: Bool = false) {
      self.maximumLength = maximumLength
      self.isLeft = isLeft
    }
  }

  public struct Padding: Sendable, Hashable {
    /// The least length; `nil` for the longest of those that are encoded together.
    public var length: Int?
    /// Lengths become multiples of it.
    public var multiple: Int = 1
    public var isLeft = false
    public var id: Int32 = 0
    public var typeID: Int32 = 0

    public init(length: Int? = nil, multiple: Int = 1, isLeft: Bool = false, id: Int32 = 0, typeID: Int32 = 0) {
      self.length = length
      self.multiple = multiple
      self.isLeft = isLeft
      self.id = id
      self.typeID = typeID
    }
  }

  /// What a text becomes. All three have one length.
  public struct Encoding: Sendable, Hashable {
    public var ids: [Int32]
    /// Which sequence of a pair each belongs to.
    public var typeIDs: [Int32]
    /// 1 for what is there, 0 for padding.
    public var mask: [Int32]
  }

  /// What is put around the ids of a text.
  struct Template: Sendable {
    var before: [(id: Int32, typeID: Int32)] = []
    var after: [(id: Int32, typeID: Int32)] = []
    var typeID: Int32 = 0
  }

  init(
    normalizer: BertNormalizer?, added: [AddedTokens.Token], model: WordPiece, template: Template, vocabularySize: Int,
    truncation: Truncation?, padding: Padding?
  ) {
    self.normalizer = normalizer
    self.model = model
    self.template = template
    self.vocabularySize = vocabularySize
    self.truncation = truncation
    self.padding = padding
    paddingID = padding?.id ?? added.first { $0.content == "[PAD]" }?.id ?? 0
    rawTokens = AddedTokens(
      added.filter { !$0.isNormalized }.map { ($0, $0.content.unicodeScalars.map(\.value)) })
    normalizedTokens = AddedTokens(
      added.filter(\.isNormalized).map { token in
        let scalars = token.content.unicodeScalars
        return (token, normalizer?.normalize(scalars) ?? scalars.map(\.value))
      })
  }

  /// The ids of a text, cut and filled up as ``truncation`` and ``padding`` say. Takes time in proportion to the text.
  public func encode(_ text: String) -> Encoding { encode([text])[0] }

  /// The ids of several texts, which are filled up together.
  public func encode(_ texts: [String]) -> [Encoding] {
    var encodings = texts.map(unpadded)
    guard let padding else { return encodings }
    let multiple = max(padding.multiple, 1)
    let length = padding.length ?? encodings.map(\.ids.count).max() ?? 0
    let padded = (length + multiple - 1) / multiple * multiple
    for index in encodings.indices { encodings[index].pad(to: padded, padding) }
    return encodings
  }

  private func unpadded(_ text: String) -> Encoding {
    var pieces = pieces(text)
    if let truncation {
      let room = max(truncation.maximumLength - template.before.count - template.after.count, 0)
      if pieces.count > room { pieces = Array(truncation.isLeft ? pieces.suffix(room) : pieces.prefix(room)) }
    }
    return Encoding(
      ids: template.before.map(\.id) + pieces + template.after.map(\.id),
      typeIDs: template.before.map(\.typeID) + [Int32](repeating: template.typeID, count: pieces.count)
        + template.after.map(\.typeID),
      mask: [Int32](repeating: 1, count: template.before.count + pieces.count + template.after.count))
  }

  private func pieces(_ text: String) -> [Int32] {
    var ids: [Int32] = []
    let scalars = text.unicodeScalars.map(\.value)
    for part in rawTokens.split(scalars[...]) {
      switch part {
      case .token(let id): ids.append(id)
      case .text(let text):
        let normalized = normalizer?.normalize(text.lazy.compactMap(Unicode.Scalar.init)) ?? Array(text)
        for part in normalizedTokens.split(normalized[...]) {
          switch part {
          case .token(let id): ids.append(id)
          case .text(let text):
            for word in BertPreTokenizer.words(text) { model.append(text[word], to: &ids) }
          }
        }
      }
    }
    return ids
  }
}

extension Tokenizer.Encoding {
  fileprivate mutating func pad(to length: Int, _ padding: Tokenizer.Padding) {
    let missing = length - ids.count
    guard missing > 0 else { return }
    func fill(_ values: inout [Int32], _ value: Int32) {
      values.insert(contentsOf: repeatElement(value, count: missing), at: padding.isLeft ? 0 : values.count)
    }
    fill(&ids, padding.id)
    fill(&typeIDs, padding.typeID)
    fill(&mask, 0)
  }
}
