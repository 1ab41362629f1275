#if os(Linux)
  import CMezzoHost
  import Foundation
  import Glibc
  import MezzoBackend
  import Testing

  @testable import MezzoPlugins

  /// Slips in a manifest are found in the probe's process, before the library that they misuse comes near this one.
  ///
  /// Of several hundred single mutations of OpenBLAS's manifest a few are tried;
  /// `MEZZO_MUTATIONS=all swift test --filter MutationTests` tries all and lists how each was caught, in some minutes.
  /// What the kit misses is what OpenBLAS does right all the same: to conjugate real numbers, and calls about empty matrices.
  @Suite(.enabled(if: TestPlugin.compiler != nil)) struct MutationTests {
    private static let triesAll = ProcessInfo.processInfo.environment["MEZZO_MUTATIONS"] == "all"

    /// What once went unnoticed, and a stride.
    private static let sample = [
      "sgemm: argument 6 (alpha) and beta change places", "sgemm: accum f64",
      "dgemm: argument 8 (ld(A)) and ld(B) change places",
    ]

    /// A probe takes much longer in a sanitizer.
    private static let tried = Set(sample.prefix(mezzo_is_sanitized() != 0 ? 2 : sample.count))

    private enum Outcome {
      /// It never reached a probe.
      case unreadable, neutral
      case caught(String), missed
    }

    @Test func slipsAreCaughtInTheChild() throws {
      let path = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../Plugins/OpenBLAS/openblas.toml")
      let text = try String(contentsOf: path, encoding: .utf8)
      // Under its own name, to learn where it lies.
      guard dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) != nil,
        let installed = LoadedLibraries.paths().first(where: { $0.contains("/libopenblas") })
      else {
        withKnownIssue("mutations are not tried: there is no OpenBLAS; apt-get install libopenblas0-pthread") {
          Issue.record("no library")
        }
        return
      }
      let mutations = ManifestMutation.all(of: text)
      let tried = mutations.filter { Self.triesAll || Self.tried.contains($0.name) }
      #expect(tried.count >= Self.tried.count, "a name in the sample is of no mutation")

      // A copy under a name of its own, which nothing but the child may open.
      let folder = try TemporaryFolder()
      let library = folder.file("libmutation-subject.so")
      try FileManager.default.copyItem(atPath: installed, toPath: library)
      let probe = Probe(helper: try ProbeHelper.find().get())
      let control = folder.file("control.toml")
      try MutationSpy.text(text, binding: library).write(toFile: control, atomically: true, encoding: .utf8)
      guard case .ended(.passed) = probe.run(control) else {
        Issue.record("the manifest does not pass as it is")
        return
      }

      let spy = try MutationSpy(text, requests: Self.triesAll ? 1000 : 300)
      var outcomes: [(mutation: ManifestMutation, outcome: Outcome)] = []
      for (index, mutation) in tried.enumerated() {
        let file = folder.file("m\(index).toml")
        try MutationSpy.text(mutation.text, binding: library).write(toFile: file, atomically: true, encoding: .utf8)
        outcomes.append((mutation, try outcome(mutation, spy, probe, file)))
        #expect(!LoadedLibraries.paths().contains(library), "\(mutation.name) reached this process")
      }
      report(outcomes)
      var caught = 0
      var missed: [String] = []
      for (mutation, outcome) in outcomes {
        switch outcome {
        case .caught: caught += 1
        case .missed: missed.append(mutation.name)
        case .neutral, .unreadable:
          #expect(Self.triesAll, "\(mutation.name) is in the sample and never reaches a probe")
        }
      }
      if Self.triesAll {
        #expect(caught + missed.count >= 80)
        #expect(Double(caught) >= 0.95 * Double(caught + missed.count), "missed: \(missed)")
      } else {
        #expect(missed.isEmpty)
      }
    }

    private func outcome(
      _ mutation: ManifestMutation, _ spy: MutationSpy, _ probe: Probe, _ file: String
    ) throws -> Outcome {
      do {
        if try spy.isNeutral(mutation) { return .neutral }
      } catch is ManifestError {
        return .unreadable
      }
      switch probe.run(file) {
      case .ended(.failed(let failure)): return .caught(failure.findings.first ?? "\(failure.cause), \(failure.phase)")
      case .ended(.declined(let reason)): return .caught(reason)
      case .ended(.passed(let verdict)):
        // Rules that no test fits stay outside.
        let rule = mutation.name.split(separator: ":").first.map(String.init) ?? ""
        return verdict.untestedRules.contains(rule) ? .caught("no test fits the rule, which is left out") : .missed
      case .unavailable(let reason): throw MutationSpy.Failure(text: reason)
      }
    }

    private func report(_ outcomes: [(mutation: ManifestMutation, outcome: Outcome)]) {
      guard Self.triesAll else { return }
      var counts: [String: Int] = [:]
      for (mutation, outcome) in outcomes {
        let (word, detail) =
          switch outcome {
          case .unreadable: ("unreadable", "")
          case .neutral: ("neutral", "")
          case .caught(let reason): ("caught", reason.split(separator: "\n").first.map(String.init) ?? "")
          case .missed: ("MISSED", "")
          }
        counts[word, default: 0] += 1
        print("\(word)\t\(mutation.name)\t\(detail.prefix(160))")
      }
      print("mutations: \(counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))")
    }

    /// What counts as neutral is what this machine's functions see.
    @Test func neutralIsWhatNoFunctionSees() throws {
      let text = try String(
        contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(
          path: "../../Plugins/OpenBLAS/openblas.toml"), encoding: .utf8)
      let mutations = Dictionary(uniqueKeysWithValues: ManifestMutation.all(of: text).map { ($0.name, $0) })
      let spy = try MutationSpy(text, requests: 300)
      func isNeutral(_ name: String) throws -> Bool { try spy.isNeutral(try #require(mutations[name], "\(name)")) }
      #expect(try isNeutral("sgemm: batch none"), "it takes less")
      #expect(try isNeutral("sgemm: without unit(A)"), "without ld(A) nothing is called")
      #expect(try isNeutral("dgemm: argument 11 (beta): 0"), "requests with beta are declined when nothing asks for it")
      #if arch(x86_64)
        // Whole and floating-point numbers travel in registers of their own.
        #expect(try isNeutral("sgemm: argument 5 (k) and alpha change places"))
        #expect(try isNeutral("dgemm: argument 3 (m) as i64"))
      #endif
      let others = ["sgemm: argument 6 (alpha) as f64", "dgemm: argument 11 (beta): alpha", "sgemm: without row(C)"]
      for name in Self.sample + others { #expect(try !isNeutral(name), "\(name)") }
      #expect(try !isNeutral("sgemm: argument 3 (m) and n change places"))
      #expect(try !isNeutral("sgemm: without k > 0"), "it is called where the original is not")
    }
  }
#endif
