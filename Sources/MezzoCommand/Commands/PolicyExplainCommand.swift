import ArgumentParser
import Mezzo

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

struct PolicyExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Show what a policy comes to in each layer of a model.",
    discussion: """
      For each layer: the policy that it was given and where that came from (own, scope, map, global, floatx), the \
      dtypes that it computes in, stores and returns, what is cast in it, and the loss scaling that follows. Without \
      --model the model is the network that `mezzo train` trains.

        mezzo policy explain mixed_float16
        mezzo policy explain policies.json --model saved --inputs 784
        mezzo policy explain params=float32,compute=bfloat16,output=float32 --json
      """)

  @Argument(
    help: ArgumentHelp(
      "A policy, or a file with a policy or policies by path. (default: the global policy)", valueName: "policy"))
  var policy: String?

  @Option(
    help: ArgumentHelp(
      "A directory that a model was saved to; with a policy, the model as it would be under that.",
      valueName: "directory"))
  var model: String?

  @Option(
    help: ArgumentHelp("Units of the hidden layers of the network. (default: 512,512)", valueName: "units"),
    transform: Arguments.layers)
  var layers = LayerWidths(widths: [512, 512])

  @Option(
    help: ArgumentHelp("Shape of an example, with commas between. (default: 784)", valueName: "shape"),
    transform: Arguments.shape)
  var inputs = ExampleShape(extents: [784])

  @Option(
    help: ArgumentHelp("What the examples come in. (default: float32)", valueName: "dtype"),
    transform: Arguments.dtype)
  var inputDtype = DType.float32

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    let file = try policy.map(Self.policyFile)
    let input = TensorType(inputDtype, [1] + inputs.extents)
    let explained = try network(file, input)
    let report = PolicyExplanationReport(try explained.explainPolicies(input: input), input: input)
    if output.json { return try printJSON(report) }
    let style = Style(for: .output)
    for line in PolicyTable(report, columns: Console.columns(of: .output), style: style).lines() { print(line) }
  }

  /// What the argument says: the name of a policy, else a file where there is one or the name is that of one.
  ///
  /// Names of policies have slashes too, so a slash makes no path of a misspelt one.
  private static func policyFile(_ text: String) throws -> PolicyFile {
    do {
      return PolicyFile(policy: try Arguments.anyPolicy(text))
    } catch {
      guard text.hasSuffix(".json") || FileManager.default.fileExists(atPath: text) else { throw error }
      return try PolicyFile(contentsOf: text)
    }
  }

  private func network(_ file: PolicyFile?, _ input: TensorType) throws -> Model {
    if let directory = model {
      let saved = try Model(directory: directory)
      if let file {
        let map = file.map ?? DTypePolicyMap(default: file.policy ?? globalPolicy())
        try saved.repolicy(map, storage: .keep, sample: Tensor(zeros: input))
      }
      return saved
    }
    let layers = layers.widths
    let made = { () throws -> any Layer in
      Sequential {
        Flatten()
        for units in layers { Dense(units, activation: .relu) }
        Dense(10, policy: file == nil ? nil : .float32)
      }
    }
    guard let policy = file?.policy else { return Model(try made(), policyMap: file?.map) }
    return try withPolicy(policy) { Model(try made(), policyMap: file?.map) }
  }
}
