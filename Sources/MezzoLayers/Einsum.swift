import MezzoGraph

/// Einstein's sum of two tensors by an equation such as `abc,cd->abd`: letters are axes, and what the result does not
/// name is summed. `...` stands for leading axes of the first that the result keeps.
struct Einsum {
  let left: [Character]
  let right: [Character]
  let result: [Character]
  /// The equation as it was given.
  let equation: String

  /// - Parameter rank: of the first operand, which says how many axes `...` is.
  init(_ equation: String, rank: Int, _ context: LayerContext) throws(LayerError) {
    self.equation = equation
    let sides = equation.filter { $0 != " " }.split(separator: ">", omittingEmptySubsequences: false)
    let operands = sides.first?.split(separator: ",", omittingEmptySubsequences: false) ?? []
    guard sides.count == 2, operands.count == 2, operands[1].last == "-" else { throw Self.refusal(equation, context) }
    let named = operands[0].filter { $0 != "." }.count
    // Axes that have no letter of their own get one that no equation can have.
    let dots = (0..<Swift.max(rank - named, 0)).compactMap { UnicodeScalar(0x2460 + $0).map(Character.init) }
    func axes(_ text: Substring) -> [Character]? {
      guard let place = text.firstRange(of: "...") else { return text.allSatisfy(\.isLetter) ? Array(text) : nil }
      let (before, behind) = (text[..<place.lowerBound], text[place.upperBound...])
      return (before + behind).allSatisfy(\.isLetter) ? Array(before) + dots + Array(behind) : nil
    }
    guard let left = axes(operands[0]), let right = axes(operands[1].dropLast()), let result = axes(sides[1]),
      left.count == rank, [left, right, result].allSatisfy({ Set($0).count == $0.count }),
      result.allSatisfy({ left.contains($0) || right.contains($0) }),
      left.allSatisfy({ result.contains($0) || right.contains($0) }),
      right.allSatisfy({ result.contains($0) || left.contains($0) })
    else { throw Self.refusal(equation, context) }
    self.left = left
    self.right = right
    self.result = result
  }

  private static func refusal(_ equation: String, _ context: LayerContext) -> LayerError {
    .invalidConfiguration(
      layer: "layer \(context.path)", expected: "an equation such as abc,cd->abd that fits the rank of the input",
      found: equation)
  }

  /// Axes of the second operand that the first does not have.
  var columns: [Character] { right.filter { !left.contains($0) } }

  /// Axes of all three.
  var batch: [Character] { left.filter { right.contains($0) && result.contains($0) } }
  private var summed: [Character] { left.filter { right.contains($0) && !result.contains($0) } }
  private var rows: [Character] { left.filter { !right.contains($0) } }

  /// Axes of the second operand that the result does not have.
  var summedOfRight: [Int] { right.indices.filter { !result.contains(right[$0]) } }

  /// The axes of the first operand in the order in which its product takes them.
  var order: [Int] { (batch + rows + summed).compactMap { left.firstIndex(of: $0) } }

  /// As a product over batches, summed in at least float32.
  ///
  /// - Parameters:
  ///   - finish: of `[rows, columns]`, behind the batch, on the product itself, which may then be done with it in one go.
  ///   - multiply: the product of `[rows, summed]` and `[summed, columns]`, behind the batch.
  func callAsFunction(
    _ a: SymbolicTensor, _ b: SymbolicTensor, finish: (SymbolicTensor) throws -> SymbolicTensor = { $0 },
    multiply: (SymbolicTensor, SymbolicTensor) throws -> SymbolicTensor = { try $0.matmul($1) }
  ) throws -> SymbolicTensor {
    func extents(_ axes: [Character]) -> [Int] {
      axes.map { axis in
        left.firstIndex(of: axis).map { a.shape[$0] } ?? right.firstIndex(of: axis).map { b.shape[$0] } ?? 1
      }
    }
    func arranged(_ x: SymbolicTensor, _ axes: [Character], _ order: [[Character]]) throws -> SymbolicTensor {
      let transposed = try x.transposed(order.joined().compactMap { axes.firstIndex(of: $0) })
      return try transposed.reshaped(extents(batch) + order.dropFirst().map { extents($0).reduce(1, *) })
    }
    let product = try finish(
      multiply(arranged(a, left, [batch, rows, summed]), arranged(b, right, [batch, summed, columns])))
    let order = batch + rows + columns
    return try product.reshaped(extents(order)).transposed(result.compactMap { order.firstIndex(of: $0) })
  }
}
