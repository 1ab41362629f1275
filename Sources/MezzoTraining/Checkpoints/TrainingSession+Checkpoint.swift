import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers

extension TrainingSession {
  /// Writes the checkpoints that callbacks asked for, all of the same moment.
  ///
  /// - Parameters:
  ///   - epoch: that goes on, from 0.
  ///   - batch: batches of it that are done.
  mutating func writeCheckpoints(
    _ callbacks: [any TrainingCallback], settings: TrainingCheckpoint.Settings, epoch: Int, batch: Int
  ) throws {
    if requests.isEmpty { return }
    var tensors = Variables()
    for (name, tensor) in trainer.store.lasting { tensors.set(name, tensor) }
    let metrics = trainer.measures.states
    for (metric, state) in metrics.enumerated() {
      for (part, tensor) in state.enumerated() { tensors.set(TrainingCheckpoint.metricName(metric, part), tensor) }
    }
    var states: [TrainingCheckpoint.Record.Callback] = []
    for (place, callback) in callbacks.enumerated() {
      let state = callback.state
      states.append(
        .init(kind: "\(type(of: callback))", values: state.values, weights: state.weights.map(Self.described)))
      for path in state.weights?.paths ?? [] {
        if let tensor = state.weights?[path] { tensors.set(TrainingCheckpoint.callbackName(place, path), tensor) }
      }
    }
    let record = TrainingCheckpoint.Record(
      variables: Self.described(try model.variables),
      publishedSlot: trainer.optimizer.publishedSlot,
      settings: settings, counters: trainer.counters, scaling: trainer.scalingState,
      means: trainer.measures.means,
      history: history.epochs.suffix(TrainingCheckpoint.Record.historyLimit),
      omittedEpochs: history.omittedEpochs
        + max(0, history.epochs.count - TrainingCheckpoint.Record.historyLimit),
      stopReason: stopReason, epoch: epoch,
      batch: batch, callbacks: states)
    let text = try TrainingCheckpoint.text(record)
    for path in requests { try Safetensors.write(tensors, to: path, metadata: [TrainingCheckpoint.key: text]) }
    requests = []
  }

  private static func described(_ variables: Variables) -> [TrainingCheckpoint.Record.Variable] {
    variables.paths.map { .init(path: $0, isTrainable: variables.isTrainable($0)) }
  }
}

extension TrainingCheckpoint {
  /// - Throws: `TrainingError.otherTraining` where the training is set up otherwise than the one that wrote this.
  func check(_ settings: Settings) throws(TrainingError) {
    func compare<Value: Equatable>(_ what: String, _ path: KeyPath<Settings, Value>) throws(TrainingError) {
      let (expected, found) = (settings[keyPath: path], record.settings[keyPath: path])
      guard expected == found else {
        throw .otherTraining(path: self.path, what: what, expected: "\(expected)", found: "\(found)")
      }
    }
    try compare("features of", \.types.features)
    try compare("targets of", \.types.targets)
    try compare("sample weights of", \.types.sampleWeights)
    try compare("batches in an epoch:", \.batches)
    try compare("batches in an update:", \.accumulating)
    try compare("the seed", \.seed)
    try compare("the loss", \.loss)
    try compare("the weights of the losses", \.lossWeights)
    try compare("the optimizer", \.optimizer)
    try compare("the metrics", \.metrics)
    try compare("the policies", \.policies)
    try compare("the loss scale", \.lossScale)
  }

  /// Puts a trainer that was made with the same settings where this one was.
  func restore(_ trainer: inout Trainer) throws {
    let known = Dictionary(tensors) { first, _ in first }
    var restored: [(name: String, tensor: Tensor)] = []
    for (name, old) in trainer.store.lasting {
      guard let tensor = known[name] else { throw CheckpointError.missingTensor(path: path, tensor: name) }
      guard tensor.type == old.type else {
        throw TrainingError.otherTraining(
          path: path, what: "tensor \(name)", expected: "\(old.type)", found: "\(tensor.type)")
      }
      restored.append((name, tensor))
    }
    let names = Set(restored.map(\.name))
    if let unknown = tensors.first(where: { !$0.name.hasPrefix("/") && !names.contains($0.name) }) {
      throw TrainingError.otherTraining(
        path: path, what: "no tensor", expected: unknown.name, found: "\(unknown.tensor.type)")
    }
    let metrics = try trainer.measures.states.enumerated().map { metric, state in
      try state.enumerated().map { part, old in
        let name = Self.metricName(metric, part)
        guard let tensor = known[name], tensor.type == old.type else {
          throw CheckpointError.missingTensor(path: path, tensor: name)
        }
        return tensor
      }
    }
    if let rate = record.counters.rate, !(rate >= 0 && Float(rate).isFinite) {
      throw TrainingError.malformedCheckpoint(path: path, reason: "its learning rate is \(rate)")
    }
    trainer.restore(record.counters, record.scaling, tensors: restored, means: record.means, metrics: metrics)
    try trainer.lossScale?.check()
  }

  /// Puts callbacks where those of the training were. They have to be the same kinds in the same order.
  func restore(_ callbacks: inout [any TrainingCallback]) throws {
    // What keeps nothing may come and go, such as a progress bar.
    let places = callbacks.indices.filter { !callbacks[$0].state.isEmpty }
    let expected = places.map { "\(type(of: callbacks[$0]))" }
    let kept = record.callbacks.enumerated().filter { !$1.values.isEmpty || $1.weights != nil }
    let found = kept.map(\.element.kind)
    guard expected == found else {
      throw TrainingError.otherTraining(path: path, what: "the callbacks", expected: "\(expected)", found: "\(found)")
    }
    let known = Dictionary(tensors) { first, _ in first }
    for (place, (origin, saved)) in zip(places, kept) {
      var state = CallbackState(saved.values)
      if let paths = saved.weights {
        var weights = Variables()
        for variable in paths {
          let name = Self.callbackName(origin, variable.path)
          guard let tensor = known[name] else { throw CheckpointError.missingTensor(path: path, tensor: name) }
          weights.set(variable.path, tensor, isTrainable: variable.isTrainable)
        }
        state.weights = weights
      }
      callbacks[place].state = state
    }
  }
}

extension CallbackState {
  fileprivate var isEmpty: Bool { values.isEmpty && weights == nil }
}
