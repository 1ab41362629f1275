import Foundation
import Testing

@Suite struct ExplainTests {
  @Test func float64StaysWithTheBuiltinBackend() throws {
    let command = try Command("explain", "--policy", "float64", "--json", environment: ["MEZZO_BACKENDS": ""])
    #expect(command.status == 0, "\(command.error)")
    let report = try command.json()
    #expect(report["policy"] as? String == "float64")
    let routes = try #require(report["routes"] as? [[String: Any]])
    let products = routes.filter { ($0["operation"] as? String)?.hasPrefix("matmul") == true }
    #expect(!products.isEmpty)
    #expect(products.allSatisfy { $0["backend"] as? String == "builtin" && $0["rule"] as? String == "matmul.f64" })
    #expect(routes.allSatisfy { $0["candidates"] == nil })
  }

  @Test func inferenceHasNoBackwardPass() throws {
    let report = try Command("explain", "--no-training", "--layers", "8", "--inputs", "16", "--json").json()
    let routes = try #require(report["routes"] as? [[String: Any]])
    #expect(Set(routes.compactMap { $0["phase"] as? String }) == ["forward"])
  }

  @Test func allTellsEachCandidateWithItsVerdict() throws {
    let report = try Command("explain", "--layers", "8", "--policy", "mixed_float16", "--all", "--json").json()
    let routes = try #require(report["routes"] as? [[String: Any]])
    for route in routes {
      let candidates = try #require(route["candidates"] as? [[String: Any]])
      #expect(candidates.count { $0["verdict"] as? String == "chosen" } == 1)
      #expect(candidates.allSatisfy { $0["why"] is String && $0["rule"] is String && $0["backend"] is String })
    }
  }

  @Test func linesFitAHundredColumns() throws {
    for policy in Sample.every(3, of: ["float32", "mixed_bfloat16", "mixed_float16"]) {
      let output = try Command("explain", "--policy", policy, "--all", environment: ["MEZZO_BACKENDS": ""]).output
      #expect(output.contains("adam_update"))
      let long = output.split(separator: "\n").filter { $0.count > 100 }
      #expect(long.isEmpty, "\(long)")
    }
  }

  private func scratch(_ name: String) -> String {
    FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)-\(name)").path
  }

  @Test func oneLayerWithItsCandidates() throws {
    let command = try Command("explain", "--layer", "dense_1", "--layers", "8", "--policy", "mixed_float16")
    #expect(command.status == 0)
    for part in ["  + builtin/matmul", "chosen", "wanted: accumulator float32, deterministic", "dense_1 forward"] {
      #expect(command.output.contains(part), "\(part) in \(command.output)")
    }
    #expect(!command.output.contains("adam_update") || command.output.contains("dense_1 update"))
    let nobody = try Command("explain", "--layer", "nobody", "--layers", "8")
    #expect(nobody.status == 64 && nobody.output.isEmpty)
    #expect(nobody.error.contains("found 'nobody'; there are ") && nobody.error.contains("dense"), "\(nobody.error)")
  }

  @Test func aLockHoldsAndADifferenceFails() throws {
    let lock = scratch("routes.lock")
    defer { try? FileManager.default.removeItem(atPath: lock) }
    #expect(try Command("explain", "--layers", "8", "--inputs", "16", "--batch", "4", "--lock", lock).status == 0)
    let text = try String(contentsOfFile: lock, encoding: .utf8)
    #expect(text.hasPrefix(#"{"format":"mezzo-routes","version":2}"#))
    // A lock holds for every batch.
    let same = try Command("explain", "--layers", "8", "--inputs", "16", "--batch", "8", "--locked", lock)
    #expect(same.status == 0, "\(same.error)")
    let other = try Command(
      "explain", "--layers", "8", "--inputs", "16", "--policy", "mixed_bfloat16", "--locked", lock)
    #expect(other.status == 1)
    #expect(other.error.contains("(- locked, + now)") && other.error.contains("  + builtin/"))
    let train = try Command(
      "train", "--layers", "8", "--epochs", "1", "--quiet", "--policy", "bfloat16", "--locked", lock)
    #expect(train.status == 1 && train.error.contains("(- locked, + now)"))
  }

  /// The default model, whose images come in another dtype than explain takes them in.
  @Test func aTrainingHoldsTheLockThatItWrote() throws {
    let lock = scratch("step.lock")
    defer { try? FileManager.default.removeItem(atPath: lock) }
    let training = ["train", "--epochs", "1", "--layers", "8", "--quiet"]
    #expect(try Command(arguments: training + ["--lock", lock]).status == 0)
    let same = try Command(arguments: training + ["--locked", lock])
    #expect(same.status == 0, "\(same.error)")
    #expect(try Command(arguments: training + ["--locked", lock, "--policy", "bfloat16"]).status == 1)
    #expect(try Command(arguments: training + ["--lock", "/nowhere/step.lock"]).status == 73)
  }

  @Test func aLockThatIsNoneOrNotThere() throws {
    let lock = scratch("damaged.lock")
    defer { try? FileManager.default.removeItem(atPath: lock) }
    try Data("routes\n".utf8).write(to: URL(filePath: lock))
    let damaged = try Command("explain", "--layers", "8", "--inputs", "16", "--locked", lock)
    #expect(damaged.status == 65 && damaged.error.contains("line 1 of the lock"))
    let missing = try Command("explain", "--layers", "8", "--inputs", "16", "--locked", scratch("missing"))
    #expect(missing.status == 66)
    let unwritable = try Command("explain", "--layers", "8", "--inputs", "16", "--lock", "/nowhere/routes.lock")
    #expect(unwritable.status == 73)
  }

  @Test func pinsAndStrictRouting() throws {
    let pinned = try Command(
      "explain", "--layers", "8", "--inputs", "16", "--pin", "op:matmul=builtin/matmul.f32", "--json")
    let routes = try #require(try pinned.json()["routes"] as? [[String: Any]])
    #expect(routes.contains { $0["pin"] as? String == "op:matmul=builtin/matmul.f32" })
    for (arguments, status, part) in [
      (["--pin", "matmul"], Int32(64), "WHERE=BACKEND"), (["--pin", "*=nobody"], 64, "no backend nobody"),
      (["--pin", "op:matmul=builtin/matmul.f64"], 1, "cannot be honoured for matmul"),
      (["--pin", "decoder.*=builtin"], 64, "no layer's path is decoder.*; there are dense, dense_1"),
      (["--pin", "op:log1p=builtin"], 64, "there is no log1p in the model"),
      (["--routing", "wide"], 64, "expected strict"),
    ] {
      let command = try Command("explain", "--layers", "8", "--inputs", "16", arguments[0], arguments[1])
      #expect(command.status == status && command.error.contains(part), "\(arguments): \(command.error)")
    }
    // With the built-in backend alone nothing falls back, and it has float32 as it is.
    #expect(try Command("explain", "--layers", "8", "--inputs", "16", "--strict").status == 0)
    let environment = try Command("explain", "--layers", "8", environment: ["MEZZO_PINS": "nonsense"])
    #expect(environment.status == 64 && environment.error.contains("nonsense"))
  }

  @Test func whyNotTellsOfEveryBackend() throws {
    let none = try Command("why-not", "nobody")
    #expect(none.status == 64 && none.error.contains("found nobody"))
    let out = try Command("why-not", "onednn")
    #expect(out.status == 0 && out.output.hasPrefix("onednn takes no part at all: "))
    let builtin = try Command("why-not", "builtin", "--layers", "8", "--inputs", "16", "--json")
    let report = try builtin.json()
    #expect((report["groups"] as? [Any])?.isEmpty == true)
    let taken = try #require(report["taken"] as? [String: Any])
    #expect(taken["count"] as? Int ?? 0 > 10)
  }

  /// A backend of a few rules beside the built-in one: what it leaves over is computed as the policy asks.
  @Test func strictRoutingHoldsBesideASmallBackend() throws {
    try TemplateLibrary.with { library, folder in
      let environment = ["MEZZO_BACKEND_PATH": library, "MEZZO_CACHE_DIR": folder.appending(path: "cache").path]
      for policy in ["float32", "float64", "mixed_bfloat16"] {
        let model = ["--layers", "8", "--inputs", "16", "--batch", "4", "--policy", policy]
        let strict = try Command(
          arguments: ["explain", "--strict"] + model, backends: "only:builtin,template", environment: environment)
        #expect(strict.status == 0, "\(policy): \(strict.error)")
        guard policy == "float64" else { continue }
        let all = try Command(
          arguments: ["explain", "--strict", "--routing", "fallback=error"] + model, backends: "only:builtin,template",
          environment: environment)
        #expect(all.status == 1 && all.error.contains("template/matmul"), "\(all.error)")
      }
    }
  }

  @Test func aPinThatMeetsNothingStopsATraining() throws {
    let training = try Command("train", "--layers", "8", "--epochs", "1", "--quiet", "--pin", "decoder=builtin")
    #expect(training.status == 64 && training.error.contains("no layer's path is decoder"), "\(training.error)")
    let whyNot = try Command("why-not", "builtin", "--layers", "8", environment: ["MEZZO_PINS": "decoder=builtin"])
    #expect(whyNot.status == 64 && whyNot.error.contains("no layer's path is decoder"), "\(whyNot.error)")
  }

  @Test func aTraceThatThereIsNoneOfIsAnError() throws {
    let command = try Command("policy", "float32", environment: ["MEZZO_DEBUG": "route,calls"])
    #expect(command.status == 64 && command.output.isEmpty)
    #expect(command.error.contains("MEZZO_DEBUG=route,calls: expected loader, route, call"), "\(command.error)")
  }

  @Test func tracesGoToStandardError() throws {
    let command = try Command(
      "train", "--layers", "8", "--epochs", "1", "--quiet", environment: ["MEZZO_DEBUG": "route,call"])
    #expect(command.status == 0)
    let lines = command.error.split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("mezzo route: ") && $0.contains(" -> builtin/") })
    #expect(lines.contains { $0.hasPrefix("mezzo call: builtin matmul") })
    #expect(try Command("train", "--layers", "8", "--epochs", "1", "--quiet").error.isEmpty)
  }
}
