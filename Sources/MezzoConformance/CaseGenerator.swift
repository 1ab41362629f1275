import MezzoBackend
import MezzoPolicy

/// A request that a rule takes, and what its inputs hold.
struct ConformanceCase {
  var request: OperationRequest
  var recipes: [ValueRecipe]
  /// Also on two threads at once; for one case of each list of dtypes.
  var isConcurrent: Bool
  /// What its results hold before, where the operation reads that.
  var old = ValueRecipe.ordinary
}

/// Makes the cases of a rule: blueprints × the dtypes that its signature admits × layouts.
struct CaseGenerator {
  var effort: Effort
  var threads: Int
  /// Whether something other than plain loops can multiply.
  var hasReference: Bool

  func cases(_ rule: Rule) -> [ConformanceCase] {
    let blueprints =
      Blueprint.all(rule.code, effort) + (hasReference && rule.code == .matmul ? MatmulBlueprints.huge(effort) : [])
    let usual = cases(rule, blueprints)
    if !usual.isEmpty { return usual }
    // A condition may want multiples, or more than the usual extents.
    for scale in Self.scales {
      let scaled = Blueprint.scaled(rule.code, effort, by: scale)
      let found = cases(rule, scaled.filter { hasReference || rule.code != .matmul || $0.isSmallProduct })
      if !found.isEmpty { return Array(found.prefix(Self.scaledLimit)) }
    }
    return []
  }

  private static let scales = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096]
  private static let scaledLimit = 64

  /// What kept a rule without any case from the one that came closest.
  func obstacle(_ rule: Rule) -> String {
    var closest = (rank: -1, text: "the kit has no request for \(rule.code)")
    for assignment in DTypeAssignment.all(rule.code) {
      for blueprint in Blueprint.all(rule.code, effort) {
        let request = request(rule, blueprint, assignment, layouts(blueprint)[0])
        guard case .differs(let why, let text) = rule.match(request, threads: threads) else { continue }
        let rank =
          switch why {
          case .operation, .dtype: 0
          case .shape: 1
          case .accumulator: 2
          default: 3
          }
        // Of a condition, the last request that misses it is the largest.
        if rank >= closest.rank { closest = (rank, text) }
      }
    }
    return closest.text
  }

  private func cases(_ rule: Rule, _ blueprints: [Blueprint]) -> [ConformanceCase] {
    var cases: [ConformanceCase] = []
    for assignment in DTypeAssignment.all(rule.code) {
      guard let probe = blueprints.first, admits(rule, assignment, probe) else { continue }
      var seen: Set<OperationRequest> = []
      let before = cases.count
      for blueprint in blueprints {
        for (index, plan) in layouts(blueprint).enumerated() {
          let request = request(rule, blueprint, assignment, plan)
          // Of few extents many layouts are the same; the first one counts for each blueprint, whose values may differ.
          guard seen.insert(request).inserted || index == 0, rule.match(request, threads: threads) == .matches else {
            continue
          }
          cases.append(make(request, blueprint))
          // A rule that accumulates in float64 is asked for that with other data, too.
          var wide = request
          wide.accumulator = .float64
          if blueprint.isDenseOnly, wide != request, rule.match(wide, threads: threads) == .matches {
            cases.append(make(wide, blueprint))
          }
        }
      }
      // The last is among the largest, which is when two threads are most likely to meet.
      if cases.count > before { cases[cases.count - 1].isConcurrent = true }
    }
    return cases
  }

  private func layouts(_ blueprint: Blueprint) -> [Layout.Plan] {
    blueprint.layouts ?? Array(Layout.plans.prefix(blueprint.isDenseOnly ? 1 : Layout.plans.count))
  }

  private func make(_ request: OperationRequest, _ blueprint: Blueprint) -> ConformanceCase {
    ConformanceCase(request: request, recipes: blueprint.recipes, isConcurrent: false, old: blueprint.old)
  }

  /// Whether it is not the dtypes for which the rule declines.
  private func admits(_ rule: Rule, _ assignment: DTypeAssignment, _ probe: Blueprint) -> Bool {
    switch rule.match(request(rule, probe, assignment, Layout.plans[0]), threads: threads) {
    case .differs(.dtype, _), .differs(.accumulator, _), .differs(.operation, _): false
    default: true
    }
  }

  private func request(
    _ rule: Rule, _ blueprint: Blueprint, _ assignment: DTypeAssignment, _ plan: Layout.Plan
  ) -> OperationRequest {
    let inputs = blueprint.inputs.enumerated().map { index, shape in
      // A bias has the dtype of the first operand, or that of the result behind integers.
      let dtype =
        index < assignment.inputs.count
        ? assignment.inputs[index]
        : assignment.inputs[0].isFloatingPoint ? assignment.inputs[0] : assignment.results[0]
      let layout = plan.inputs[index % plan.inputs.count]
      return Operand(
        dtype: dtype, shape: shape, strides: layout.strides(shape), isConstant: index == blueprint.constant)
    }
    let results = blueprint.results.enumerated().map { index, shape in
      let layout = plan.results[index % plan.results.count]
      return Operand(dtype: assignment.results[index], shape: shape, strides: layout.strides(shape))
    }
    var request = OperationRequest(
      rule.code, attributes: blueprint.attributes, inputs: inputs, results: results, epilogue: blueprint.epilogue)
    // No more than the rule promises: what it does without that has to be right too.
    request.numerics = rule.numerics
    return request
  }
}

extension OperationRequest {
  /// The description with attributes, and strides where they are not those of row-major order.
  var fullDescription: String {
    let attributes = attributes.map { "\($0.name)=\($0.value)" }
    let layouts = (inputs + results).enumerated().compactMap { index, operand in
      operand.isDense ? nil : "strides of operand \(index): \(operand.strides)"
    }
    let constants = inputs.indices.filter { inputs[$0].isConstant }.map { "operand \($0) is constant" }
    let accumulators =
      accumulator == OperationRequest(code, inputs: inputs, results: results).accumulator
      ? [] : ["accumulated in \(accumulator.name)"]
    return ([description] + attributes + layouts + constants + accumulators).joined(separator: ", ")
  }
}
