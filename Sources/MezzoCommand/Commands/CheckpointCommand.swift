import ArgumentParser
import Mezzo

struct CheckpointCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checkpoint", abstract: "Look into files of weights, and convert them.",
    subcommands: [CheckpointShowCommand.self, CheckpointConvertCommand.self])
}

struct CheckpointShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "List the tensors of a file.",
    discussion: """
      Reads safetensors (a file, an index, or a directory with either), .npy, .npz, .h5 and .keras, told by what the \
      file begins with.

        mezzo checkpoint show model.safetensors
        mezzo checkpoint show classifier.keras --json
      """)

  @Argument(help: ArgumentHelp("A file or a directory.", valueName: "file")) var path: String

  @OptionGroup var output: OutputOptions

  private struct Row: Encodable {
    var name: String
    var dtype: String
    var shape: [Int]
    var bytes: Int
  }

  func run() async throws {
    output.begin()
    let rows = try TensorFile.entries(path).map {
      Row(name: $0.name, dtype: $0.type.dtype.name, shape: $0.type.shape, bytes: $0.type.checkedByteCount ?? 0)
    }
    if output.json { return try printJSON(rows) }
    let style = Style(for: .output)
    let width = rows.map(\.name.count).max() ?? 0
    for row in rows {
      let type = "\(row.dtype)\(row.shape)".padded(to: 28)
      print("\(row.name.padded(to: width))  \(type)  \(style.dim(Format.bytes(row.bytes)))")
    }
    let (count, bytes) = (rows.count, rows.reduce(0) { $0 + $1.bytes })
    print("\(count) tensor\(count == 1 ? "" : "s"), \(Format.bytes(bytes))")
  }
}

struct CheckpointConvertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Write the tensors of a file to another kind of file, or in another dtype.",
    discussion: """
      Reads what 'mezzo checkpoint show' reads, and writes what the name of the result says: .safetensors, .npz, or a \
      directory, in which large models go to several files with an index. Floating tensors are rounded once, to nearest \
      even; a finite value that the dtype cannot hold is an error, and nothing is written then.

        mezzo checkpoint convert model.safetensors half.safetensors --dtype bfloat16
        mezzo checkpoint convert classifier.keras weights.npz
      """)

  @Argument(help: ArgumentHelp("A file or a directory.", valueName: "from")) var from: String
  @Argument(help: ArgumentHelp("The file to write, or a directory.", valueName: "to")) var to: String

  @Option(
    help: ArgumentHelp("What floating tensors become. (default: each stays what it is)", valueName: "dtype"),
    transform: Arguments.floating)
  var dtype: DType?

  @Option(
    help: "Bytes in a file of a directory, beyond which there are several. (default: 5 GiB)",
    transform: Arguments.byteCount)
  var shardSize = 5 << 30

  @OptionGroup var output: OutputOptions

  private struct Report: Encodable {
    var tensors: Int
    var bytes: Int
  }

  func run() async throws {
    output.begin()
    let read = try TensorFile.read(from)
    let tensors = try dtype.map { try read.stored(as: $0) } ?? read
    try ModelFolder.prepare(to)
    try TensorFile.write(tensors, to: to, shardSize: shardSize)
    if output.json {
      try printJSON(Report(tensors: tensors.count, bytes: tensors.byteCount))
    } else {
      print("\(to): \(tensors.count) tensors, \(Format.bytes(tensors.byteCount))")
    }
  }
}
