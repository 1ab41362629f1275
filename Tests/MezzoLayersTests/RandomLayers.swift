import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// Policies of every sort, drawn from a seed.
struct RandomPolicies {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int(random.next() % UInt64(elements.count))]
  }

  /// Any that there is: by dtype, alias, mixed, quantised, saying more, or to be inferred.
  mutating func any() throws -> DTypePolicy {
    switch random.next() % 6 {
    case 0: return DTypePolicy(pick(DType.allCases))
    case 1: return try DTypePolicy(pick(["half", "float", "double"]))
    case 2: return try quantized()
    case 3:
      return try refined(
        operations: ["softmax", "no_such_operation"], dtypes: DType.allCases.filter(\.isFloatingPoint))
    case 4: return .infer
    default: return computing()
    }
  }

  /// One that layers with weights can compute in.
  mutating func computing() -> DTypePolicy {
    pick([.float16, .bfloat16, .float32, .float64, .mixedFloat16, .mixedBFloat16])
  }

  /// One that says more, about operations that there are and in dtypes that they can work in.
  mutating func refined() throws -> DTypePolicy {
    try refined(operations: ["softmax", "matmul"], dtypes: Self.working)
  }

  static let working: [DType] = [.float16, .bfloat16, .float32, .float64]

  private mutating func quantized() throws -> DTypePolicy {
    let mode = pick(["int8", "int4", "int4/128", "int4/-1", "float8", "gptq/4/128", "gptq/2/-1", "awq/4/32"])
    return try DTypePolicy("\(mode)_from_\(pick(["float32", "bfloat16", "mixed_bfloat16"]))")
  }

  private mutating func refined(operations: [String], dtypes: [DType]) throws -> DTypePolicy {
    func maybe<Value>(_ value: Value) -> Value? { random.next() % 2 == 0 ? value : nil }
    let compute = maybe(pick(Self.working))
    var named: [String: DType] = [:]
    for operation in operations { named[operation] = maybe(pick(dtypes)) }
    return try DTypePolicy(
      parameters: pick(Self.working), compute: compute, output: maybe(pick(dtypes)), accumulator: maybe(.float64),
      reduction: maybe(.float64), gradient: maybe(pick(dtypes)), operations: named,
      layers: maybe(["Activation": computing(), "Dense": computing()]) ?? [:])
  }
}

/// A layer that calls others one after the other and, unlike a container, casts what it is given.
struct Composite: Layer {
  var layers: [AnyLayer]
  var policy: DTypePolicy
  var sublayerPolicy: SublayerPolicy

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    var output = input
    for (index, layer) in layers.enumerated() {
      output = try context.call(layer.layer, output, name: "part_\(index)")
    }
    return output
  }
}

/// Models of nested sequences and composites, drawn from a seed.
struct RandomLayers {
  private var policies: RandomPolicies
  private var random: SplitMix64

  init(seed: UInt64) {
    policies = RandomPolicies(seed: seed)
    random = SplitMix64(seed: ~seed)
  }

  /// A sequence of layers of `depth` levels, each with a policy of its own or one that it takes from a scope.
  mutating func sequence(depth: Int) throws -> Sequential {
    let layers = try (0..<Int(1 + random.next() % 3)).map { _ in try layer(depth: depth) }
    let choice = policies.pick(SublayerPolicy.allCases)
    return try made(with: try policies.any()) { Sequential(layers, policy: $0, sublayerPolicy: choice) }
  }

  private mutating func layer(depth: Int) throws -> any Layer {
    switch random.next() % (depth > 0 ? 7 : 5) {
    case 0: return try made(with: try policies.any()) { Flatten(policy: $0) }
    case 1: return try made(with: try computing()) { Activation(.linear, policy: $0) }
    case 2: return try made(with: try computing()) { Dropout(0.5, policy: $0) }
    case 3: return try made(with: try policies.any()) { Dense(3, policy: $0) }
    case 4: return try made(with: try computing()) { Dense(2, policy: $0) }
    case 5: return try sequence(depth: depth - 1)
    default:
      let layers = [AnyLayer(try layer(depth: depth - 1)), AnyLayer(try layer(depth: depth - 1))]
      let choice = policies.pick(SublayerPolicy.allCases)
      return try made(with: try computing()) {
        Composite(layers: layers, policy: $0 ?? globalPolicy(), sublayerPolicy: choice)
      }
    }
  }

  private mutating func computing() throws -> DTypePolicy {
    random.next() % 2 == 0 ? policies.computing() : try policies.refined()
  }

  /// A layer that is given `policy`, or takes it from around it.
  private mutating func made<L: Layer>(with policy: DTypePolicy, _ make: (DTypePolicy?) throws -> L) throws -> L {
    random.next() % 2 == 0 ? try make(policy) : try withPolicy(policy) { try make(nil) }
  }
}
