import Mezzo
import MezzoConformance

/// What the process ends with when something is wrong: 1, or the codes of BSD's `sysexits.h`.
enum ExitStatus: Int32, CaseIterable {
  case failed = 1
  case unchecked = 2
  case usage = 64
  case data = 65
  case noInput = 66
  case unavailable = 69
  case software = 70
  case cannotCreate = 73

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
    case is PolicyError, is LayerError: self = .usage
    case let error as RuntimeError:
      switch error {
      case .noRoute: self = .unavailable
      default: self = .software
      }
    case is GraphError: self = .software
    case is OutputError: self = .cannotCreate
    case let error as GoldenFileError:
      switch error {
      case .unreadable: self = .noInput
      default: self = .data
      }
    case is GoldenFailure, is CheckFailure: self = .failed
    case is CheckError: self = .unchecked
    case is BenchError: self = .usage
    default: return nil
    }
  }

  private var meaning: String {
    switch self {
    case .failed: "golden cases failed, or a backend does not conform"
    case .unchecked: "a backend cannot be checked"
    case .usage: "wrong usage, such as an unknown policy or a batch larger than the data"
    case .data: "damaged, empty or unsuitable data"
    case .noInput: "missing or unreadable files"
    case .unavailable: "no backend takes an operation"
    case .software: "the training failed, for one because the loss became infinite"
    case .cannotCreate: "a file cannot be written"
    }
  }

  static var documentation: String {
    "0 success; " + allCases.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: "; ")
  }
}
