import MezzoBackend
import MezzoPolicy

/// Requests next to those that a rule takes, and which it does not: what a backend sees if a host or its own rules are
/// wrong.
struct UnclaimedRequests {
  struct Item {
    var request: OperationRequest
    /// How it differs from a request that the rule takes.
    var difference: String
    /// Whether a backend may also call it contradictory.
    var mayBeInvalid = false
  }

  private(set) var items: [Item] = []
  private let rule: Rule
  private let threads: Int

  /// - Parameter claimed: requests that the rule takes.
  init(_ rule: Rule, _ claimed: [OperationRequest], threads: Int) {
    self.rule = rule
    self.threads = threads
    // Something with extents, and no epilogue, which a backend may leave to the host.
    let plain = claimed.filter { $0.epilogue.isEmpty }
    guard
      let base = plain.first(where: { !$0.results.contains { $0.shape.contains(0) || $0.shape.isEmpty } })
        ?? plain.first
    else { return }
    dtypes(base)
    operations(base)
    ranks(base)
    counts(base)
    var attributed = base
    attributed.attributes.append(Attribute("mezzo_unknown", .int(1)))
    // A rule says nothing of attributes, so it is the plan that has to.
    items.append(Item(request: attributed, difference: "the unknown attribute mezzo_unknown"))
    if rule.accumulator != .float64 {
      var exact = base
      exact.accumulator = .float64
      add(exact, "float64 wanted as accumulator")
    }
  }

  private mutating func add(_ request: OperationRequest, _ difference: String, mayBeInvalid: Bool = false) {
    guard rule.match(request, threads: threads) != .matches else { return }
    items.append(Item(request: request, difference: difference, mayBeInvalid: mayBeInvalid))
  }

  private mutating func dtypes(_ base: OperationRequest) {
    for dtype in DTypeAssignment.stored {
      for index in base.inputs.indices {
        var request = base
        request.inputs[index].dtype = dtype
        add(request, "operand \(index) is \(dtype.name)")
      }
      for index in base.results.indices {
        var request = base
        request.results[index].dtype = dtype
        add(request, "result \(index) is \(dtype.name)")
      }
    }
  }

  private mutating func operations(_ base: OperationRequest) {
    for code in OperationCode.allCases where code != rule.code {
      var request = base
      request.code = code
      add(request, "the operation is \(code)")
    }
  }

  /// Every operand with one axis more, with one less, and one alone with one more.
  private mutating func ranks(_ base: OperationRequest) {
    func changed(_ operand: Operand, _ change: ([Int]) -> [Int]) -> Operand {
      Operand(dtype: operand.dtype, shape: change(operand.shape), isConstant: operand.isConstant)
    }
    let changes: [(String, ([Int]) -> [Int])] = [
      ("one axis more", { [2] + $0 }), ("one axis less", { Array($0.dropFirst()) }),
      ("rank 7", { _ in [1, 1, 2, 1, 1, 2, 3] }),
    ]
    for (name, change) in changes {
      var request = base
      request.inputs = base.inputs.map { changed($0, change) }
      request.results = base.results.map { changed($0, change) }
      add(request, name, mayBeInvalid: true)
    }
    for index in base.inputs.indices {
      var request = base
      request.inputs[index] = changed(base.inputs[index]) { [2] + $0 }
      add(request, "operand \(index) alone has one axis more", mayBeInvalid: true)
    }
  }

  private mutating func counts(_ base: OperationRequest) {
    var request = base
    request.inputs = []
    add(request, "no operands", mayBeInvalid: true)
    request = base
    request.inputs += base.inputs.suffix(1)
    add(request, "one operand more", mayBeInvalid: true)
    request = base
    request.results = []
    add(request, "no result", mayBeInvalid: true)
  }
}

/// Hands requests to a backend that none of its rules claims, past the router.
struct DeclineRun {
  var backend: any Backend
  var rule: Rule
  var threads: Int

  func run(
    _ requests: UnclaimedRequests, _ progress: (ConformanceKit.Step) -> Void, _ report: inout ConformanceReport
  ) {
    for item in requests.items {
      progress(.init(level: .decline, rule: rule.name, request: item.request))
      guard let (expected, got) = wrong(item) else { continue }
      report.failures.append(
        .init(
          .decline, rule: rule.name, request: item.request.fullDescription, what: "unclaimed: \(item.difference)",
          expected: expected, got: got,
          advice: "check in plan what the kernel relies on, and return MEZZO_UNSUPPORTED with err->why set"))
    }
  }

  private func wrong(_ item: UnclaimedRequests.Item) -> (expected: String, got: String)? {
    do throws(BackendError) {
      _ = try backend.prepare(item.request, rule: rule, threads: threads)
      return ("a decline", "a plan")
    } catch {
      switch error.kind {
      case .declined(.none): return ("a decline that says why", "MEZZO_WHY_NONE: \(error.message)")
      case .declined: return nil
      case .invalid where item.mayBeInvalid: return nil
      default: return ("a decline", error.description)
      }
    }
  }
}
