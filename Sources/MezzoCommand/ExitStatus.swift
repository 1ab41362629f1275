import Mezzo
import MezzoGolden
import MezzoModels

/// What the process ends with when something is wrong: 1, the codes of BSD's `sysexits.h`, or a shell's
/// for SIGINT.
enum ExitStatus: Int32, CaseIterable {
  case failed = 1
  case unchecked = 2
  case usage = 64
  case data = 65
  case noInput = 66
  case unavailable = 69
  case software = 70
  case cannotCreate = 73
  case interrupted = 130

  /// The status for one of Mezzo's errors; `nil` for an error of another origin.
  init?(_ error: any Error) {
    switch error {
    case let error as DataError:
      switch error {
      case .notFound, .unreadable: self = .noInput
      default: self = .data
      }
    case let error as TrainingError:
      switch error {
      case .batchTooLarge, .invalidOption, .frozen: self = .usage
      case .nonFiniteLoss: self = .software
      default: self = .data
      }
    case PolicyError.file: self = .data
    case is PolicyError, is LayerError: self = .usage
    case let error as RuntimeError:
      switch error {
      case .noRoute: self = .unavailable
      case .routing(let error): self = Self.status(of: error)
      default: self = .software
      }
    case let error as RoutingError: self = Self.status(of: error)
    case let error as RouteLockError:
      switch error {
      case .malformed: self = .data
      case .differs, .rebuilt: self = .failed
      }
    case let error as CheckpointError:
      switch error {
      case .unreadable: self = .noInput
      case .unwritable: self = .cannotCreate
      default: self = .data
      }
    case let error as GraphError:
      switch error.kind {
      // A policy names an operation that there is not, or has one work in a dtype that nothing computes in.
      case .operation, .attribute: self = .usage
      default: self = .software
      }
    case is OutputError: self = .cannotCreate
    case let error as GoldenFileError:
      switch error {
      case .unreadable: self = .noInput
      default: self = .data
      }
    case is GoldenFailure, is CheckFailure, is CaptureFailure: self = .failed
    case is CheckError: self = .unchecked
    case BenchError.noLibrary, is BackendError: self = .unavailable
    case is BenchError: self = .usage
    case is PretrainedError: self = .data
    case is Interruption: self = .interrupted
    case is InputError, is ModelNotFound: self = .noInput
    default: return nil
    }
  }

  private static func status(of error: RoutingError) -> ExitStatus {
    switch error {
    case .syntax, .pin: .usage
    case .pinned, .strict, .fallback, .lock, .rebuilt: .failed
    }
  }

  private var meaning: String {
    switch self {
    case .failed:
      "golden cases failed, a backend does not conform, no operation was captured, routes differ from their lock, or a pin or strict routing cannot "
        + "be kept"
    case .unchecked: "a backend cannot be checked"
    case .usage: "wrong usage, such as an unknown policy or a batch larger than the data"
    case .data: "damaged, empty or unsuitable data"
    case .noInput: "missing or unreadable files"
    case .unavailable: "no backend takes an operation, or a library that comes with mezzo is not beside it"
    case .software: "the training failed, for one because the loss became infinite"
    case .cannotCreate: "a file cannot be written"
    case .interrupted: "interrupted"
    }
  }

  static var documentation: String {
    "0 success; " + allCases.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: "; ")
  }
}
