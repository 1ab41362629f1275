import ArgumentParser
import Mezzo
import MezzoModels

struct EmbedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Turn texts into vectors with a pretrained model.",
    discussion: """
      One text a line comes in, one line a text goes out, in the same order: the numbers of its vector, or with --json \
      an object with the ids of its tokens (without padding) and the vector as "embedding". Texts that are too long for \
      the model are cut where sentence-transformers cuts them.

        make model
        mezzo embed texts.txt --policy mixed_bfloat16
        echo "a cat on the mat" | mezzo embed --json
      """)

  @Argument(help: ArgumentHelp("A file of texts. (default: standard input)", valueName: "file"))
  var file: String?

  @OptionGroup var encoder: EncoderOptions

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    var lines = try TextLines(file)
    let encoder = try encoder.open()
    var progress = TextProgress()
    var done = 0
    while true {
      let texts = try lines.next()
      if texts.isEmpty { break }
      let embeddings = try encoder.encode(texts) { progress.show(done + $0) }
      progress.finish()
      for embedding in embeddings { print(line(embedding)) }
      done += texts.count
    }
  }

  private func line(_ embedding: SentenceEncoder.Embedding) -> String {
    guard output.json else {
      return embedding.vector.map { Format.fixed(Double($0), 6) }.joined(separator: " ")
    }
    // JSON has neither infinities nor NaN.
    let numbers = embedding.vector.map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ",")
    let ids = embedding.ids.map { "\($0)" }.joined(separator: ",")
    return #"{"ids":[\#(ids)],"embedding":[\#(numbers)]}"#
  }
}
