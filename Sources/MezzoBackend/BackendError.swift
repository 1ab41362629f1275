/// Why a backend did not do what it was asked.
public struct BackendError: Error, Equatable, Sendable, CustomStringConvertible {
  /// `declined` sends the router to the next candidate; everything else is a failure of the backend.
  public enum Kind: Equatable, Sendable {
    case declined(Why)
    case invalid
    case outOfMemory
    case failed(status: Int32)
    /// The library could not be opened, or does not speak the ABI.
    case unloadable
  }

  /// The ABI's reasons, so that declined requests can be counted by kind.
  public enum Why: UInt32, Equatable, Sendable {
    case none, operation, dtype, accumulator, shape, layout, alignment, device, processor, numerics, epilogue, attribute
    case symbol, limit
  }

  public var backend: String
  public var kind: Kind
  public var message: String

  public init(backend: String, kind: Kind, message: String) {
    self.backend = backend
    self.kind = kind
    self.message = message
  }

  public var isDecline: Bool {
    if case .declined = kind { true } else { false }
  }

  public var description: String {
    let verb =
      switch kind {
      case .declined: "declined"
      case .invalid: "was asked for something contradictory"
      case .outOfMemory: "ran out of memory"
      case .failed(let status): "failed with status \(status)"
      case .unloadable: "was refused"
      }
    return "backend \(backend) \(verb): \(message)"
  }
}
