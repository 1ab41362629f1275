import ArgumentParser
import Mezzo
import MezzoModels

struct SimilarityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "similarity",
    abstract: "Tell how close texts are in meaning, with a pretrained model.",
    discussion: """
      The cosine of the angle between the vectors of two texts, 1 for the same direction. Two or more texts are compared \
      each with each; with a file of texts, one a line, the file's texts are ranked by each text that is given, or \
      compared with each other if none is.

        mezzo similarity "a cat on the mat" "a kitten on a rug" "stock prices fell"
        mezzo similarity "where do I pay?" --file questions.txt --top 5
      """)

  @Argument(help: ArgumentHelp("Texts to compare.", valueName: "text"))
  var texts: [String] = []

  @Option(help: ArgumentHelp("A file of texts, one a line; - for standard input.", valueName: "file"))
  var file: String?

  @Option(help: "Texts or pairs that a ranking shows. (default: 10)", transform: Arguments.positive)
  var top = 10

  @OptionGroup var encoder: EncoderOptions

  @OptionGroup var output: OutputOptions

  /// Beyond it a table of all pairs helps nobody.
  private static let comparedLimit = 2000

  func run() async throws {
    output.begin()
    let listed = try file.map { file throws(InputError) in
      var lines = try TextLines(file)
      return try lines.all().filter { !$0.isEmpty }
    }
    let compared = listed.map { texts.isEmpty ? $0 : [] } ?? texts
    guard listed != nil && !texts.isEmpty || compared.count >= 2 else {
      throw ValidationError("expected two texts or more, or a file with --file and texts to rank it by")
    }
    guard compared.count <= Self.comparedLimit else {
      throw ValidationError(
        "expected at most \(Self.comparedLimit) texts to compare with each other, got \(compared.count); "
          + "give a text to rank them by")
    }
    let encoder = try encoder.open()
    if compared.isEmpty {
      try show(try rankings(listed ?? [], encoder))
    } else {
      try show(SimilarityTable(compared, try encode(compared, encoder)))
    }
  }

  private func encode(_ texts: [String], _ encoder: SentenceEncoder) throws -> [SentenceEncoder.Embedding] {
    var progress = TextProgress()
    defer { progress.finish() }
    return try encoder.encode(texts) { progress.show($0) }
  }

  private func rankings(_ listed: [String], _ encoder: SentenceEncoder) throws -> [SimilarityRanking] {
    let embeddings = try encode(listed, encoder)
    return try zip(texts, encode(texts, encoder)).map { text, embedding in
      SimilarityRanking(text, embedding, among: Array(zip(listed, embeddings)), top: top)
    }
  }

  private func show(_ rankings: [SimilarityRanking]) throws {
    if output.json { return try printJSON(rankings) }
    for ranking in rankings { ranking.print() }
  }

  private func show(_ table: SimilarityTable) throws {
    if output.json { try printJSON(table) } else { table.print(top: top) }
  }
}
