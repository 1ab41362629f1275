public import MezzoGraph
public import MezzoPolicy

/// Where infinity or NaN first appeared in a run: who made it, of what, and what was there before.
///
/// Prints in plain words:
/// ```
/// layer second, forward, matmul+bias in float16: 16 of 16 elements are not finite (16 +inf); its operands are finite,
/// the largest 60000 in input, and float16 ends at 65504; it read second.kernel, second.bias
/// ```
public struct NonFiniteReport: Sendable, Hashable, Codable {
  /// The path of the layer whose operation it was; where there is no operation, of the first of ``inputs``. Empty
  /// outside any layer.
  public var layer: String
  public var phase: Graph.Phase
  /// The first operation with such a result; nil where no result had any, though some of ``inputs`` did.
  public var operation: String?
  /// Paths of the variables concerned: the one whose gradient or new value the result is, else those that the operation
  /// read.
  public var parameters: [String]
  /// The result of the operation; where there is none, the first of ``inputs``.
  public var elements: ElementCensus
  /// What the operation computed with, as it was before.
  public var operands: [Operand]
  /// What was infinite or NaN before anything was computed. Empty where the run made it.
  public var inputs: [Input]
  /// Where the forward pass was finite: the variable whose gradient was the first that was not.
  public var firstGradient: String?

  /// One operand of the operation.
  public struct Operand: Sendable, Hashable, Codable {
    /// A variable, an input of the model, or the operation that made it; seen through casts. Nil for literals.
    public var source: String?
    public var elements: ElementCensus
  }

  /// An input of the run: the model's inputs, targets, variables and what the optimizer keeps of them.
  public struct Input: Sendable, Hashable, Codable {
    /// `input`, `targets`, or the path of a variable, `dense.kernel`.
    public var name: String
    public var role: Graph.Role
    /// The path of the layer that it belongs to; empty outside any.
    public var layer: String
    public var elements: ElementCensus
  }

  /// What the result was stored in, and overflowed where it overflowed.
  public var dtype: DType { elements.dtype }

  /// The operand with the largest finite magnitude.
  public var largestOperand: Operand? { operands.max { $0.elements.largestFinite < $1.elements.largestFinite } }
}

extension NonFiniteReport: CustomStringConvertible {
  public var description: String {
    (inputs.map { "\($0)" } + made).joined(separator: "; ")
  }

  private var made: [String] {
    guard let operation else { return [] }
    let place = layer.isEmpty ? "outside any layer" : "layer \(layer)"
    var parts = ["\(place), \(phase.rawValue), \(operation) in \(dtype.name): \(elements)"]
    let broken = operands.filter { !$0.elements.isFinite }
    if broken.isEmpty, let largest = largestOperand {
      let source = largest.source.map { " in \($0)" } ?? ""
      let limit = elements.limit.map { ", and \(dtype.name) ends at \(ElementCensus.short($0))" } ?? ""
      parts.append(
        "its operands are finite, the largest \(ElementCensus.short(largest.elements.largestFinite))\(source)\(limit)")
    } else if !broken.isEmpty {
      parts.append("not finite already: \(broken.map { $0.source ?? "a literal" }.joined(separator: ", "))")
    }
    if let firstGradient {
      parts.append("the first gradient that is not finite is that of \(firstGradient)")
    } else if !parameters.isEmpty {
      let verb = phase == .update ? "it is the new" : "it read"
      parts.append("\(verb) \(parameters.joined(separator: ", "))")
    }
    return parts
  }
}

extension NonFiniteReport.Input: CustomStringConvertible {
  public var description: String {
    "\(role == .argument ? "input" : "variable") \(name) was not finite before the step: \(elements)"
  }
}
