package import MezzoBackend
package import MezzoGraph
public import MezzoLayers
public import MezzoPolicy
public import MezzoRuntime

/// What is in a `.keras` file, and the bytes beyond which it is refused: 16 MiB of configuration, 64 GiB of weights.
enum KerasFile {
  static let configurationName = "config.json"
  static let configurationLimit = 1 << 24
  static let weightsName = "model.weights.h5"
  static let weightsLimit = 1 << 36
}

/// All that is read of a `.keras` file.
package struct KerasSaved {
  package let model: Model
  /// What it was compiled with: optimizer, losses and metrics.
  package let compiled: JSONValue?
  /// What training changes, in the order in which the optimizer knows it.
  package let trainable: [String]
  package let outputs: [Output]
  private let content: HDF5File

  /// An output of the model, by the name that Keras gives it; open extents are some number.
  package struct Output: Sendable {
    package var name: String
    package var type: TensorType

    package init(name: String, type: TensorType) {
      self.name = name
      self.type = type
    }
  }

  /// - Throws: ``CheckpointError``.
  package init(_ path: String, policy: DTypePolicy? = nil, runtime: Runtime = .shared) throws {
    try self.init(try FileBytes(file: path), policy: policy, runtime: runtime)
  }

  init(_ file: FileBytes, policy: DTypePolicy?, runtime: Runtime) throws {
    let archive = try ZipArchive(file)
    guard let configuration = archive.member(KerasFile.configurationName) else {
      throw CheckpointError.damaged(path: file.path, .keras, reason: "it has no config.json")
    }
    guard let weights = archive.member(KerasFile.weightsName) else {
      throw CheckpointError.unsupported(
        path: file.path, .keras, reason: "its weights are not in model.weights.h5; save them in one file, as H5")
    }
    let bytes = try archive.content(configuration, limit: KerasFile.configurationLimit)
    let text: JSONValue
    do throws(JSONError) {
      text = try JSONReader.parse(bytes.bytes)
    } catch {
      throw CheckpointError.damaged(path: file.path, .keras, reason: "its config.json cannot be read (\(error))")
    }
    let architecture = try KerasArchitecture(text, policy: policy, path: file.path)
    let content = try HDF5File(try archive.content(weights, limit: KerasFile.weightsLimit))
    // Keras 3 and others differ in some activations.
    let (model, places, outputs) = try withPolicyEnvironment(PolicyEnvironment(dialect: .keras3)) {
      let call = try Model.trace(architecture, path: file.path, runtime)
      let variables = call.variables.map {
        KerasWeights.Variable(
          path: $0.path, type: $0.type, isTrainable: $0.isTrainable, isState: $0.isState)
      }
      let model = Model(
        architecture.layer, seed: 0, runtime: runtime,
        variables: try KerasWeights.load(
          content, into: architecture.layer, variables, orders: architecture.orders), layers: call.layers)
      for path in architecture.frozen { try model.freeze(path) }
      let places = KerasWeights.places(
        of: architecture.layer, paths: variables.filter { !$0.isState }.map(\.path), path: "", group: "",
        orders: architecture.orders)
      let types = call.outputs.leaves.compactMap { $0?.type }
      let names = (architecture.layer as? Functional)?.outputNames ?? call.outputs.leafNames
      return (model, places, zip(names, types).map { Output(name: $0, type: $1) })
    }
    self.model = model
    compiled = text["compile_config"]
    trainable = try places.map(\.variable).filter { try model.isTrainable($0) }
    self.outputs = outputs
    self.content = content
  }

  /// What the optimizer keeps, in Keras's order.
  package func optimizerVariables() throws(CheckpointError) -> [Tensor] {
    var kept: [Tensor] = []
    while let dataset = content.datasets["optimizer/vars/\(kept.count)"] {
      kept.append(try content.tensor(dataset))
    }
    return kept
  }
}

extension Model {
  /// A model that Keras 3 saved as a `.keras` file: its layers with their policies, and its weights.
  ///
  /// Layers keep the policies that the file names, whatever the global policy is. What the file has besides is not read;
  /// `KerasTraining` of MezzoTraining reads the optimizer, losses and metrics too. Code is never run: a model of a class of one's own, and
  /// `Lambda` layers, are errors.
  ///
  /// ```swift
  /// let model = try Model.keras("classifier.keras", policy: .mixedBFloat16)
  /// ```
  ///
  /// - Parameter policy: what all layers follow instead.
  /// - Throws: ``CheckpointError``; ``CheckpointError/mismatch(path:problems:)`` lists all that does not fit.
  public static func keras(_ path: String, policy: DTypePolicy? = nil, runtime: Runtime = .shared)
    throws -> Model
  {
    try keras(try FileBytes(file: path), policy: policy, runtime: runtime)
  }

  static func keras(_ file: FileBytes, policy: DTypePolicy? = nil, runtime: Runtime) throws -> Model {
    try KerasSaved(file, policy: policy, runtime: runtime).model
  }

  /// A call with inputs of the file, which tells what variables there are; nothing is computed, and nothing of their size
  /// is made.
  ///
  /// Extents that the file leaves open are tried as 8, 64 and 512: variables do not depend on them, but layers may need some
  /// extent at least.
  fileprivate static func trace(_ architecture: KerasArchitecture, path: String, _ runtime: Runtime)
    throws -> TracedCall
  {
    guard !architecture.inputs.isEmpty else {
      throw CheckpointError.mismatch(
        path: path, problems: ["the model was saved before the shape of its input was known; call it once in Keras"])
    }
    let isOpen = architecture.inputs.contains { $0.shape.dropFirst().contains(nil) }
    var reason = ""
    for extent in isOpen ? [8, 64, 512] : [1] {
      do {
        return try TracedCall(
          Model(architecture.layer, runtime: runtime),
          inputs: Arguments(positional: architecture.inputs.map { .tensor($0.type(open: extent)) }), isTraining: false
        ) { _ in .constant }
      } catch {
        reason = "\(error)"
      }
    }
    throw CheckpointError.mismatch(path: path, problems: [reason])
  }

  /// Replaces the weights by those that Keras 3 saved, as `.weights.h5` or in a `.keras` file, each rounded once to the
  /// dtype that this model stores it in.
  ///
  /// As in Keras, layers are matched by their classes and order, not by their names. The layers of a ``Functional`` have the
  /// order that Keras gives to those of the same connections.
  ///
  /// - Throws: `LayerError.notBuilt` before the input's shape was ever known, and ``CheckpointError``;
  ///   ``CheckpointError/mismatch(path:problems:)`` lists all that does not fit. The weights are then as before.
  public func loadKerasWeights(from path: String) throws {
    let old = try variables
    var file = try FileBytes(file: path)
    if ZipArchive.recognizes(file.bytes) {
      let archive = try ZipArchive(file)
      guard let member = archive.member(KerasFile.weightsName) else {
        throw CheckpointError.damaged(path: path, .keras, reason: "it has no model.weights.h5")
      }
      file = try archive.content(member, limit: KerasFile.weightsLimit)
    }
    let states = statePaths
    let wanted = old.paths.compactMap { path in
      old[path].map {
        KerasWeights.Variable(
          path: path, type: $0.type, isTrainable: old.isTrainable(path), isState: states.contains(path))
      }
    }
    try setVariables(try KerasWeights.load(try HDF5File(file), into: layer, wanted))
  }
}
