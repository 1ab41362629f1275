import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What goes wrong with jmp's `DynamicLossScale`.
enum JMPQuirkGroup: GoldenGroup {
  static let names = ["jmp.quirk"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    if let minimum = testCase.input["min_loss_scale"]?.asDouble {
      let before = LossScale.jmp(32768, minimumScale: Float(minimum))
      let after = try JSONDecoder().decode(LossScale.self, from: try JSONEncoder().encode(before))
      return .ok(["before": floor(of: before), "after_tree_roundtrip": floor(of: after)])
    }
    var scale = LossScale.jmp(
      Float(try testCase.input.double("initial")), period: try testCase.input.int("period"))
    return .ok(
      .array(
        try testCase.input.string("steps").map { step in
          _ = scale.update(gradientsAreFinite: step == "f" || step == "z")
          return .exactly(Double(scale.value))
        }))
  }

  private static func floor(of scale: LossScale) -> ConfigurationValue {
    scale.dynamics.map { .exactly(Double($0.floor)) } ?? .null
  }

  static let differences = [
    DesignDifference(
      "A loss scale is float32", systems: ["jmp"],
      cases: "a scale in float16, which jmp's own guide shows, and which fails in today's JAX",
      behaviour: "The scale and its arithmetic are float32, whatever the policy computes in.",
      reason: "float16 ends at 65504, which the second growth of a scale of 2¹⁵ would pass."
    ) { testCase in
      guard testCase.expect["error"]?["type"] == "TypeError", testCase.input["scale_dtype"] == "float16",
        var scale = try? testCase.input.double("initial"),
        let period = try? testCase.input.int("period"), period > 0, let steps = try? testCase.input.string("steps")
      else { return nil }
      var good = 0
      return .ok(
        .array(
          steps.map { step in
            good = step == "f" || step == "z" ? good + 1 : 0
            if good == 0 { scale = max(scale / 2, 1) }
            if good > 0, good % period == 0 { scale *= 2 }
            return .exactly(scale)
          }))
    },
    DesignDifference(
      "The floor of a loss scale survives", systems: ["jmp"],
      cases: "a minimum scale that is written and read again",
      behaviour: "It is what it was.", reason: "jmp loses it when a tree is flattened, and goes on with 1.",
      theirs: { testCase in
        testCase.input["min_loss_scale"].map { .ok(["before": $0, "after_tree_roundtrip": 1]) }
      }
    ) { testCase in
      guard let minimum = testCase.input["min_loss_scale"], testCase.expect["ok"] != nil else { return nil }
      return .ok(["before": minimum, "after_tree_roundtrip": minimum])
    },
  ]
}
