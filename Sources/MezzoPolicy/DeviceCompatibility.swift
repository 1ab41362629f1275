/// A GPU, as far as compatibility goes.
public struct GPUDescription: Sendable, Hashable, Codable {
  /// What the maker calls it.
  public var name: String?
  /// Nvidia's number for what it can do; nil for those of other makers.
  public var computeCapability: ComputeCapability?

  public init(name: String? = nil, computeCapability: ComputeCapability? = nil) {
    self.name = name
    self.computeCapability = computeCapability
  }
}

/// What an Nvidia GPU can do: `7.0`.
public struct ComputeCapability: Sendable, Hashable, Codable, Comparable, CustomStringConvertible {
  public var major: Int
  public var minor: Int

  public init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// The first with units that multiply float16 matrices.
  public static let fastFloat16 = ComputeCapability(7, 0)

  public static func < (left: ComputeCapability, right: ComputeCapability) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }

  public var description: String { "\(major).\(minor)" }
}

/// Whether GPUs compute fast under a policy, said in words.
///
/// Mezzo's own backends have no GPU and say nothing. A backend that has some says it once a process, when it meets the
/// first layer under such a policy.
///
/// Rules: TensorFlow 2.4's device compatibility check. Only `mixed_float16` is looked at, and only Nvidia's compute
/// capability 7.0 is known to make float16 fast.
public struct DeviceCompatibility: Sendable, Hashable {
  public enum Level: String, Sendable, Hashable, Codable {
    case info
    case warning
  }

  /// ``Level/info`` if all GPUs compute fast.
  public let level: Level
  /// What to log: the policy, the GPUs, and what is missing.
  public let text: String

  /// Nil if there is nothing to say about the policy: it does not compute in float16 with float32 variables.
  public init?(of policy: DTypePolicy, on gpus: [GPUDescription]) {
    guard policy.computeDType == .float16, policy.variableDType == .float32 else { return nil }
    let fast = gpus.filter(\.computesFloat16Fast)
    let slow = gpus.filter { !$0.computesFloat16Fast }
    let need = "compute capability \(ComputeCapability.fastFloat16) or more"
    let list = Self.list(fast + slow)
    level = slow.isEmpty && !fast.isEmpty ? .info : .warning
    text =
      if gpus.isEmpty {
        """
        \(policy.name) may be slow here: float16 is fast on a GPU with \(need), and there is none. Nothing is wrong if \
        the model will run elsewhere.
        """
      } else if slow.isEmpty {
        "\(policy.name) will be fast: \(gpus.count == 1 ? "the GPU has" : "all GPUs have") \(need). \(list)"
      } else {
        """
        \(policy.name) may be slow \(fast.isEmpty ? "here" : "on some GPUs"): float16 is fast with \(need). \(list) \
        Use "mixed_bfloat16" or "float32", or ignore this if the model will run elsewhere.
        """
      }
  }

  /// Equal neighbours are one entry.
  private static func list(_ gpus: [GPUDescription]) -> String {
    var entries: [(gpu: GPUDescription, count: Int)] = []
    for gpu in gpus {
      if let last = entries.last, last.gpu == gpu {
        entries[entries.count - 1].count += 1
      } else {
        entries.append((gpu, 1))
      }
    }
    let texts = entries.map { $0.count == 1 ? "\($0.gpu)" : "\($0.gpu) (x\($0.count))" }
    return "\(gpus.count == 1 ? "GPU" : "GPUs"): \(texts.joined(separator: "; "))."
  }
}

extension GPUDescription: CustomStringConvertible {
  /// `Tesla V100, compute capability 7.0`
  public var description: String {
    let capability =
      computeCapability.map { "compute capability \($0)" } ?? "without a compute capability, so hardly Nvidia's"
    return "\(name ?? "unknown GPU"), \(capability)"
  }

  fileprivate var computesFloat16Fast: Bool { computeCapability.map { $0 >= .fastFloat16 } ?? false }
}
