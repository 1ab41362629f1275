import Mezzo
import MezzoModels

/// The texts that are closest to one.
struct SimilarityRanking: Encodable {
  private var text: String
  private var closest: [Result]

  private struct Result: Encodable {
    var text: String
    var similarity: Double
  }

  init(
    _ text: String, _ embedding: SentenceEncoder.Embedding,
    among others: [(text: String, embedding: SentenceEncoder.Embedding)], top: Int
  ) {
    self.text = text
    let results = others.map { Result(text: $0.text, similarity: embedding.cosine($0.embedding)) }
    closest = Array(
      results.enumerated().sorted {
        ($1.element.similarity, $0.offset) < ($0.element.similarity, $1.offset)
      }.prefix(top).map(\.element))
  }

  func print() {
    let style = Style(for: .output)
    let columns = Console.columns(of: .output)
    Swift.print(style.bold(text.shortened(to: columns)))
    for result in closest {
      Swift.print("  \(SimilarityBar(result.similarity, style))  \(result.text.shortened(to: columns - 22))")
    }
  }
}

/// A similarity as a number and a bar.
struct SimilarityBar: CustomStringConvertible {
  let description: String

  private static let width = 10

  init(_ similarity: Double, _ style: Style) {
    let filled = similarity.isFinite ? Int((min(max(similarity, 0), 1) * Double(Self.width)).rounded()) : 0
    let bar = String(repeating: "━", count: filled)
    let rest = String(repeating: "─", count: Self.width - filled)
    description = "\(Format.fixed(similarity, 3).paddedLeft(to: 6)) \(style.green(bar))\(style.dim(rest))"
  }
}

extension String {
  /// One line of at most `width` characters.
  func shortened(to width: Int) -> String {
    let line = String(map { $0.isNewline || $0 == "\t" ? " " : $0 })
    return line.count > width ? line.prefix(max(width - 1, 0)) + "…" : line
  }
}
