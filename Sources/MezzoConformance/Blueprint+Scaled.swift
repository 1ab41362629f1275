import MezzoBackend

extension Blueprint {
  /// Cases with extents that are multiples of `scale`, for rules whose conditions the usual ones miss.
  static func scaled(_ code: OperationCode, _ effort: Effort, by scale: Int) -> [Blueprint] {
    switch code {
    case .matmul: MatmulBlueprints.scaled(by: scale)
    // What a table holds, or how far an axis is cut, is said in their attributes and values.
    case .oneHot, .gather, .scatterAdd, .pad, .slice, .windowSum, .randomUniform: []
    default:
      all(code, effort).filter { $0.epilogue.isEmpty }.compactMap { $0.scaled(by: scale) }
    }
  }

  /// The most elements of an operand.
  private static let limit = 1 << 20

  private func scaled(by scale: Int) -> Blueprint? {
    func scaled(_ shape: [Int]) -> [Int] { shape.map { $0 * scale } }
    var blueprint = self
    blueprint.inputs = inputs.map(scaled)
    blueprint.results = results.map(scaled)
    let fits = (blueprint.inputs + blueprint.results).allSatisfy { shape in
      var count = 1
      for extent in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: extent)
        if overflow || product > Self.limit { return false }
        count = product
      }
      return true
    }
    // One that is empty stays what it was.
    return fits && !blueprint.results.contains { $0.contains(0) } ? blueprint : nil
  }

  /// Whether plain loops multiply it soon enough.
  var isSmallProduct: Bool {
    guard let k = inputs.first?.last, let result = results.first else { return true }
    return result.reduce(k, *) <= 1 << 21
  }
}
