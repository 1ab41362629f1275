import ArgumentParser
import Mezzo

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A command that another one runs, to look on.
enum ForwardedCommand {
  /// Runs it with standard output for nobody but the one that looks on.
  /// - Parameter kinds: which commands may be run.
  /// - Returns: what that command failed of.
  static func run(_ words: [String], of kinds: [any ParsableCommand.Type]) async throws -> (any Error)? {
    var command = try RootCommand.parseAsRoot(words)
    guard kinds.contains(where: { type(of: command) == $0 }) else {
      let names = kinds.map { $0.configuration.commandName ?? "" }
      throw ValidationError(
        "expected \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "") with its arguments, found "
          + "'\(words.joined(separator: " "))'")
    }
    fflush(nil)
    let saved = dup(Console.Stream.output.rawValue)
    dup2(Console.Stream.error.rawValue, Console.Stream.output.rawValue)
    defer {
      fflush(nil)
      dup2(saved, Console.Stream.output.rawValue)
      close(saved)
    }
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
      return nil
    } catch {
      return error
    }
  }
}

/// Who looks on as the models of this command run.
enum Observation {
  @TaskLocal static var recorder: CaseRecorder?
  @TaskLocal static var profiler: Profiler?

  /// The shared runtime, or one of its backends that somebody looks on at.
  static func runtime() throws -> Runtime {
    if recorder == nil, profiler == nil { return .shared }
    return Runtime(
      Runtime.shared.registry, options: try .environment(), recorder: recorder, profiler: profiler,
      packCache: Runtime.shared.packCache)
  }
}
