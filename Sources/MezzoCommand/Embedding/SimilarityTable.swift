import Mezzo
import MezzoModels

/// How close each of some texts is to each other.
struct SimilarityTable: Encodable {
  private var texts: [String]
  private var similarity: [[Double]]

  /// Columns that a terminal has room for.
  private static let matrixLimit = 10

  init(_ texts: [String], _ embeddings: [SentenceEncoder.Embedding]) {
    self.texts = texts
    similarity = embeddings.map { embedding in embeddings.map { embedding.cosine($0) } }
  }

  /// - Parameter top: the pairs that are shown of more texts than a matrix has room for.
  func print(top: Int) {
    let style = Style(for: .output)
    let columns = Console.columns(of: .output)
    if texts.count == 2 {
      Swift.print("\(SimilarityBar(similarity[0][1], style))  \(texts[0].shortened(to: columns - 20))")
      Swift.print(String(repeating: " ", count: 19) + texts[1].shortened(to: columns - 20))
    } else if texts.count <= Self.matrixLimit {
      printMatrix(style, columns)
    } else {
      printPairs(top, style, columns)
    }
  }

  private func printMatrix(_ style: Style, _ columns: Int) {
    let header = texts.indices.map { "\($0 + 1)".paddedLeft(to: 6) }.joined(separator: " ")
    Swift.print(style.dim("    \(header)"))
    for (row, text) in texts.enumerated() {
      let closest = texts.indices.filter { $0 != row }.max { similarity[row][$0] < similarity[row][$1] }
      let cells = texts.indices.map { column in
        let cell = Format.fixed(similarity[row][column], 3).paddedLeft(to: 6)
        if column == row { return style.dim(cell) }
        return column == closest ? style.bold(style.green(cell)) : cell
      }
      let label = text.shortened(to: max(columns - 8 - texts.count * 7, 16))
      Swift.print("\(style.dim("\(row + 1)".paddedLeft(to: 3))) \(cells.joined(separator: " "))  \(label)")
    }
  }

  private func printPairs(_ top: Int, _ style: Style, _ columns: Int) {
    var pairs: [(Int, Int)] = []
    for row in texts.indices { pairs += (row + 1..<texts.count).map { (row, $0) } }
    pairs.sort { similarity[$1.0][$1.1] < similarity[$0.0][$0.1] }
    Swift.print(style.bold("The closest of \(Format.grouped(pairs.count)) pairs"))
    for (a, b) in pairs.prefix(top) {
      Swift.print("  \(SimilarityBar(similarity[a][b], style))  \(texts[a].shortened(to: columns - 22))")
      Swift.print(String(repeating: " ", count: 21) + texts[b].shortened(to: columns - 22))
    }
  }
}
