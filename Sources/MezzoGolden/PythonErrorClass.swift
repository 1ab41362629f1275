import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoTraining

/// The Python classes that golden cases know errors by.
enum PythonErrorClass: String, Sendable {
  /// An argument of a wrong kind.
  case typeError = "TypeError"
  /// An argument of the right kind whose value is wrong.
  case valueError = "ValueError"
  /// Something that cannot be changed, or is not there.
  case attributeError = "AttributeError"
  /// A call at a wrong time.
  case runtimeError = "RuntimeError"
  case assertionError = "AssertionError"
  case keyError = "KeyError"

  /// The class that says in Python what `error` says in Swift. All of Mezzo's errors are decided here.
  init(of error: any Error, in dialect: PolicyDialect?) {
    switch error {
    case let error as PolicyError: self.init(error, dialect)
    case let error as LossScaleError: self.init(error)
    // A wrapped optimizer is of the wrong kind in tf-keras; in TensorFlow 2.4 the error is that of a name used twice.
    case TrainingError.nestedLossScaling where dialect == .tfKeras: self = .typeError
    // A layer that cannot be built in a dtype, and a value of another kind than a file should have there.
    case LayerError.nonFloatingPolicy, is DecodingError: self = .typeError
    default: self = .valueError
    }
  }

  private init(_ error: LossScaleError) {
    switch error {
    case .growthFactor, .backoffFactor: self = .assertionError
    case .kind, .unknown: self = .typeError
    case .missing: self = .keyError
    default: self = .valueError
    }
  }

  private init(_ error: PolicyError, _ dialect: PolicyDialect?) {
    switch error {
    // What is no dtype's name cannot be converted to a dtype, which TensorFlow calls a wrong type.
    case .unknownIdentifier, .unknownDType: self = dialect == .keras3 ? .valueError : .typeError
    // Configurations are the arguments of a constructor.
    case .configuration: self = .typeError
    case .missingMapEntry: self = .keyError
    default: self = .valueError
    }
  }
}

extension GoldenCase {
  /// What `body` returned as `{"ok": …}`, or what it threw as `{"error": …}`.
  ///
  /// - Throws: ``GoldenFormError`` alone.
  func outcome(
    _ body: nonisolated(nonsending) () async throws -> ConfigurationValue
  ) async throws(GoldenFormError) -> ConfigurationValue {
    do {
      return .ok(try await body())
    } catch let error as GoldenFormError {
      throw error
    } catch {
      return outcome(of: error)
    }
  }

  /// What `body` returned as `{"ok": …}`, or what it threw as `{"error": …}`.
  ///
  /// - Throws: ``GoldenFormError`` alone.
  func outcome(_ body: () throws -> ConfigurationValue) throws(GoldenFormError) -> ConfigurationValue {
    do {
      return .ok(try body())
    } catch let error as GoldenFormError {
      throw error
    } catch {
      return outcome(of: error)
    }
  }

  /// `{"error": {"type": …, "message": …}}`
  func outcome(of error: any Error) -> ConfigurationValue {
    let type = PythonErrorClass(of: error, in: dialect).rawValue
    return ["error": ["type": .string(type), "message": .string("\(error)")]]
  }
}
