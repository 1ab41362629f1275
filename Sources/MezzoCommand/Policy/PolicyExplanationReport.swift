import Mezzo

/// `mezzo policy explain` as JSON has it.
struct PolicyExplanationReport: Encodable, Sendable {
  struct Layer: Encodable, Sendable {
    var path: String
    var className: String
    /// Whether it is made of other layers, and computes nothing itself.
    var isContainer: Bool
    /// What it was given when it was made; `null`: nothing, so that it took what was in effect.
    var requested: OrNull<String>
    /// What it follows.
    var policy: String
    var origin: String
    var computeDType: OrNull<String>
    var variableDType: OrNull<String>
    /// What it really keeps.
    var variables: [PolicyExplanation.Variable]
    var outputDType: OrNull<String>
    var casts: [LayerCast]
    var lostConstants: [String]
  }

  struct Scaling: Encodable, Sendable {
    var initialScale: Float
    var isDynamic: Bool
    /// What has gradients pass through float16: `compute`, `operation`, `output`, `gradient`.
    var causes: [PolicyExplanation.LossScaleCause]
  }

  var input: String
  var layers: [Layer]
  var computeDTypes: [String]
  /// `null`: the loss is not scaled.
  var lossScaling: OrNull<Scaling>

  init(_ explanation: PolicyExplanation, input: TensorType) {
    self.input = "\(input)"
    layers = explanation.layers.map { layer in
      let (record, policy) = (layer.record, layer.record.policy)
      return Layer(
        path: record.path, className: record.className, isContainer: record.isContainer,
        requested: OrNull(record.requested.origin == .own ? record.requested.name : nil), policy: policy.name,
        origin: policy.origin.rawValue, computeDType: OrNull(policy.computeDType?.name),
        variableDType: OrNull(policy.variableDType?.name), variables: layer.variables,
        outputDType: OrNull(policy.outputDType?.name), casts: layer.casts,
        lostConstants: layer.lostConstants.map { constant in
          "\(constant.name) \(constant.value) \(constant.fate?.description ?? "") in \(constant.dtype?.name ?? "")"
        })
    }
    computeDTypes = explanation.computeDTypes.map(\.name).sorted()
    lossScaling = OrNull(
      explanation.lossScale.map {
        Scaling(initialScale: $0.initialScale, isDynamic: $0.isDynamic, causes: explanation.lossScaleCauses)
      })
  }
}
