import MezzoBackend
import MezzoPolicy

/// Chooses, for the operations of a whole graph at once, in which dtypes and layouts each is asked for.
///
/// What one operation alone would choose ignores that a conversion is shared by all who want it, and, with extended
/// intermediates, that neighbours in float32 need none between them. Operations whose choices touch the same values form a
/// region. A search in the order of the graph keeps the cheapest way to each set of forms that values are there in; where
/// there are at most `width` such sets at a time, as on every chain, the result is the cheapest of all.
struct Placement {
  /// For each operation with a choice, the request that its region wants.
  private(set) var requests: [Int: OperationRequest] = [:]

  /// How operations choose.
  enum Method: Sendable {
    /// Each for itself, for comparison.
    case alone
    case region
  }

  static let width = 64

  /// One way to do an operation, and what it means for the values around it.
  private struct Option {
    var request: OperationRequest
    var cost: Double
    /// Forms of values that it reads.
    var reads: [Form]
    /// Values that it makes in float32 and not in their own dtype.
    var makesWide: [Int]
  }

  /// A value in another form than its own, or in its own (`dtype` is `nil`).
  private struct Form: Hashable {
    var view: ValueView
    var dtype: DType?
    var isDense: Bool

    static func own(_ value: Int) -> Form { Form(view: .whole(value), dtype: nil, isDense: false) }
  }

  private struct Way {
    var cost: Double
    /// Forms that are there beside the own ones of values.
    var present: Set<Form> = []
    /// Values whose own form is not there.
    var missing: Set<Int> = []
    var choices: Choice?

    var state: State { State(present: present, missing: missing) }
  }

  /// The choices so far, from the last back to the first; ways share their beginnings.
  private final class Choice: Sendable {
    let item: Int
    let option: Int
    let previous: Choice?

    init(_ item: Int, _ option: Int, after previous: Choice?) {
      self.item = item
      self.option = option
      self.previous = previous
    }
  }

  private struct State: Hashable {
    var present: Set<Form>
    var missing: Set<Int>
  }

  private let isExtended: Bool
  private var prices: [Form: Double] = [:]

  init(_ items: [WorkItem], _ wanted: [OperationRequest], _ sets: [CandidateSet], extended: Bool, kept: Set<Int>) {
    isExtended = extended
    var options = items.indices.map { alternatives(items[$0], wanted[$0], sets[$0], kept) }
    if !extended {
      // Nobody else wants the forms that only one operation reads: their price is its own.
      var readers: [Form: Set<Int>] = [:]
      for (index, list) in options.enumerated() {
        for option in list { for form in option.reads { readers[form, default: []].insert(index) } }
      }
      for index in options.indices {
        for place in options[index].indices {
          let own = options[index][place].reads.filter { (readers[$0]?.count ?? 0) < 2 }
          options[index][place].cost += own.reduce(0) { $0 + (prices[$1] ?? 0) }
          options[index][place].reads.removeAll { own.contains($0) }
        }
        options[index] = Self.worthwhile(options[index])
      }
    }
    for region in regions(items, options) { search(region, items, options) }
  }

  /// One option for each set of dtypes and layouts, the cheapest.
  private mutating func alternatives(
    _ item: WorkItem, _ wanted: OperationRequest, _ set: CandidateSet, _ kept: Set<Int>
  ) -> [Option] {
    var options: [Option] = []
    for candidate in set.possible {
      if let place = options.firstIndex(where: { $0.request == candidate.request }) {
        options[place].cost = min(options[place].cost, candidate.own)
        continue
      }
      var option = Option(request: candidate.request, cost: candidate.own, reads: [], makesWide: [])
      for (view, (asked, given)) in zip(item.inputs, zip(wanted.inputs, candidate.request.inputs)) {
        if asked == given {
          if isExtended { option.reads.append(.own(view.base)) }
          continue
        }
        let isDense = asked.strides != given.strides
        let form = Form(view: isDense ? view : .whole(view.base), dtype: given.dtype, isDense: isDense)
        option.reads.append(form)
        prices[form] =
          CostModel.conversion(asked, to: given) * (asked.isConstant ? CostModel.constantShare : 1)
      }
      for (result, (asked, given)) in zip(item.results, zip(wanted.results, candidate.request.results))
      where asked != given {
        let price = CostModel.conversion(given, to: asked)
        if isExtended, asked.dtype != given.dtype, asked.strides == given.strides,
          Planner.staysWide(item, candidate.request, candidate.rule)
        {
          option.makesWide.append(result)
          prices[.own(result)] = price
          // Whoever is outside the graph wants the value in its own dtype.
          if kept.contains(result) { option.cost += price }
        } else {
          option.cost += price
        }
      }
      options.append(option)
    }
    return isExtended ? options : Self.worthwhile(options)
  }

  /// Without those that cost more than the cheapest which needs no conversion, even if theirs were free.
  private static func worthwhile(_ options: [Option]) -> [Option] {
    let plain = options.filter { $0.reads.isEmpty && $0.makesWide.isEmpty }.min { $0.cost < $1.cost }
    guard let plain else { return options }
    return [plain] + options.filter { !($0.reads.isEmpty && $0.makesWide.isEmpty) && $0.cost < plain.cost }
  }

  /// Operations that read or make the same values, as far as it matters who does them.
  private func regions(_ items: [WorkItem], _ options: [[Option]]) -> [[Int]] {
    var owner: [Int: Int] = [:]
    var parent = Array(items.indices)
    func root(_ index: Int) -> Int {
      var index = index
      while parent[index] != index {
        parent[index] = parent[parent[index]]
        index = parent[index]
      }
      return index
    }
    // Values of which some operation may want, or make, another form than their own.
    var contested: Set<Int> = []
    for list in options where list.count > 1 || !(list.first?.makesWide.isEmpty ?? true) {
      for option in list {
        contested.formUnion(option.reads.filter { $0.dtype != nil }.map(\.view.base))
        contested.formUnion(option.makesWide)
      }
    }
    for (index, list) in options.enumerated() {
      for value in Set(list.flatMap { $0.reads.map(\.view.base) + $0.makesWide }) where contested.contains(value) {
        if let other = owner[value] { parent[root(index)] = root(other) } else { owner[value] = index }
      }
    }
    var members: [Int: [Int]] = [:]
    for index in items.indices { members[root(index), default: []].append(index) }
    return members.values.filter { $0.contains { options[$0].count > 1 } }
  }

  private mutating func search(_ region: [Int], _ items: [WorkItem], _ options: [[Option]]) {
    var lastRead: [Int: Int] = [:]
    for (step, index) in region.enumerated() {
      for option in options[index] { for form in option.reads { lastRead[form.view.base] = step } }
    }
    var ways = [Way(cost: 0)]
    for (step, index) in region.enumerated() {
      var next: [Way] = []
      var places: [State: Int] = [:]
      for way in ways {
        for (place, option) in options[index].enumerated() {
          var way = way
          take(option, &way)
          way.choices = Choice(index, place, after: way.choices)
          way.present = way.present.filter { lastRead[$0.view.base] ?? -1 > step }
          way.missing = way.missing.filter { lastRead[$0] ?? -1 > step }
          if let known = places[way.state] {
            if way.cost < next[known].cost { next[known] = way }
          } else {
            places[way.state] = next.count
            next.append(way)
          }
        }
      }
      // Between equals the first stays, so that the same graph is always placed in the same way.
      ways = next.enumerated().sorted { ($0.element.cost, $0.offset) < ($1.element.cost, $1.offset) }.map(\.element)
      if ways.count > Self.width { ways.removeLast(ways.count - Self.width) }
    }
    var choice = ways.first?.choices
    while let current = choice {
      requests[current.item] = options[current.item][current.option].request
      choice = current.previous
    }
  }

  private func take(_ option: Option, _ way: inout Way) {
    way.cost += option.cost
    for form in option.reads {
      if form.dtype == nil {
        if way.missing.remove(form.view.base) != nil { way.cost += prices[form] ?? 0 }
      } else if way.present.insert(form).inserted {
        way.cost += prices[form] ?? 0
      }
    }
    for value in option.makesWide {
      way.missing.insert(value)
      way.present.insert(Form(view: .whole(value), dtype: .float32, isDense: false))
    }
  }
}

extension ValueView {
  /// A value however it is looked at: a conversion that keeps the layout is one for all its views.
  fileprivate static func whole(_ base: Int) -> ValueView { ValueView(base: base, shape: [], strides: []) }
}
