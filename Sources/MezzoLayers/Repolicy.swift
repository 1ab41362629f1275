import MezzoGraph
public import MezzoPolicy

/// What giving the layers of a model other policies has changed. It can be taken back.
public struct Repolicy: Sendable {
  /// A layer that follows another policy than before.
  public struct LayerChange: Sendable, Hashable {
    public let path: String
    public let before: DTypePolicy
    public let after: DTypePolicy
  }

  /// A variable that is stored in another dtype than before.
  public struct VariableChange: Sendable, Hashable {
    public let path: String
    public let before: DType
    public let after: DType
    /// The largest |new − old| ∕ |old| over the elements that are neither 0 nor became infinite; 0 where nothing was
    /// lost.
    public let largestRelativeError: Double
    /// Finite elements that the new dtype cannot hold and that became infinite.
    public let overflows: Int
    /// Elements that were not 0 and became 0.
    public let underflows: Int
  }

  /// How far the outputs for the sample moved.
  public struct OutputChange: Sendable, Hashable {
    /// The largest |new − old|.
    public let largestDifference: Double
    /// The largest |old|.
    public let largestOutput: Double
    /// Outputs that were finite and are not any more.
    public let newNonFinite: Int

    /// ``largestDifference`` as a part of ``largestOutput``, or of 1 where that is less.
    public var relative: Double { largestDifference / max(1, largestOutput) }
  }

  public let layers: [LayerChange]
  public let variables: [VariableChange]
  /// `nil` where no sample was given.
  public let outputs: OutputChange?

  let before: BuiltModel
  let after: BuiltModel
  private let model: Model

  init(
    _ model: Model, before: BuiltModel, after: BuiltModel, variables: [VariableChange], outputs: OutputChange?
  ) {
    self.model = model
    self.before = before
    self.after = after
    self.variables = variables
    self.outputs = outputs
    layers = after.layers.compactMap { new in
      guard let old = before.layer(at: new.path), old.policy != new.policy else { return nil }
      return LayerChange(path: new.path, before: old.policy, after: new.policy)
    }
  }

  /// Gives the layers the policies back that they had, and the model the very weights that it had.
  ///
  /// - Throws: ``RepolicyError/changedSince`` if the weights are not those any more that this change left, as after
  ///   training. The model is then as it was; another re-policy recasts what was learnt.
  public func undo() throws { try model.replace(after, by: before) }
}

extension Repolicy.VariableChange {
  init(path: String, _ old: Tensor, _ new: Tensor) {
    var (error, overflows, underflows) = (0.0, 0, 0)
    for (old, new) in zip(old.scalars(), new.scalars()) where old.isFinite && old != 0 {
      if !new.isFinite {
        overflows += 1
      } else {
        if new == 0 { underflows += 1 }
        error = max(error, abs(new - old) / abs(old))
      }
    }
    self.init(
      path: path, before: old.dtype, after: new.dtype, largestRelativeError: error, overflows: overflows,
      underflows: underflows)
  }
}

extension Repolicy.VariableChange {
  /// The same, of what is stored in `dtype` and was compared by what it stands for.
  func storing(_ dtype: DType) -> Self {
    Self(
      path: path, before: before, after: dtype, largestRelativeError: largestRelativeError, overflows: overflows,
      underflows: underflows)
  }
}

extension Repolicy.OutputChange {
  init(_ old: [Tensor], _ new: [Tensor]) {
    var (difference, largest, lost) = (0.0, 0.0, 0)
    for (old, new) in zip(old, new) {
      for (old, new) in zip(old.scalars(), new.scalars()) where old.isFinite {
        largest = max(largest, abs(old))
        if new.isFinite { difference = max(difference, abs(new - old)) } else { lost += 1 }
      }
    }
    self.init(largestDifference: difference, largestOutput: largest, newNonFinite: lost)
  }
}

/// Why the layers of a model were not given other policies. The model is then as it was.
public enum RepolicyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Nothing says what the inputs are, which the dtypes of variables may depend on.
  case unknownInputs
  /// Weights cannot be held by the dtype that the new policy stores them in.
  case overflow(path: String, dtype: DType, elements: Int)
  /// With the new policies the sample gives infinities or NaN where it gave numbers.
  case nonFiniteOutputs(elements: Int)
  /// The outputs for the sample moved by more than was allowed, relative to the largest.
  case difference(relative: Double, tolerance: Double)
  /// The weights are not those any more that the change left.
  case changedSince

  public var description: String {
    switch self {
    case .unknownInputs:
      "the model was never called, so the dtypes of its inputs are not known: give a sample of them"
    case .overflow(let path, let dtype, let elements):
      "\(elements) elements of \(path) are too large for \(dtype); keep the weights as they are stored, "
        + "or use a dtype of more range, such as bfloat16"
    case .nonFiniteOutputs(let elements):
      "with the new policies \(elements) outputs for the sample are infinite or NaN, which were finite before"
    case .difference(let relative, let tolerance):
      "with the new policies the outputs for the sample move by \(relative) of the largest, more than \(tolerance)"
    case .changedSince:
      "the weights have changed since the policies did, so there is no way back to those of before; "
        + "give the layers their old policies with repolicy instead"
    }
  }
}
