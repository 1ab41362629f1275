import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// A layer in another: what the inner one reads a variable of the outer one as.
enum AutocastNestingGroup: GoldenGroup {
  static let names = ["autocast.nesting"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dialect = PolicyEnvironment.current.dialect
    let policies = (
      outer: try DTypePolicy(try testCase.input.string("outer"), dialect: dialect),
      inner: try DTypePolicy(try testCase.input.string("inner"), dialect: dialect)
    )
    let innerAutocasts = try testCase.input.bool("inner_autocast")
    var (ofInner, ofOuter): (ConfigurationValue, ConfigurationValue) = (nil, nil)
    let layer = LayerProbe(policies.outer) { inputs, context in
      let variable = try context.parameter("v", shape: [])
      let before = try VariableReading(variable, context).read
      let inner = LayerProbe(policies.inner, autocast: innerAutocasts) { inputs, context in
        ofInner = ["x": name(inputs.positional[0]), "outer_v": try VariableReading(variable, context).read]
        return inputs.positional[0]
      }
      let output = try context.call(inner, inputs, name: "inner")
      ofOuter = [
        "x": name(inputs.positional[0]), "v_before": before, "v_after": try VariableReading(variable, context).read,
        "inner_out": name(output),
      ]
      return output
    }
    let output = try layer.trace().outputs
    return .ok(["inner": ofInner, "outer": ofOuter, "output": name(output)])
  }

  private static func name(_ tree: TensorTree) -> ConfigurationValue { .name(tree.tensor?.dtype.name) }

  static let differences = [
    DesignDifference(
      "A variable's own layer decides whether it is cast", systems: ["keras3"],
      cases: "variables of a layer that is not mixed, read in one that is, and any read in one that opted out of casts",
      behaviour: """
        A variable of a mixed layer is read in the compute dtype of the layer that runs, every other one as it is stored, \
        as in TensorFlow 2.4. Opting out is about inputs alone.
        """,
      reason: "A float32 layer is one whose weights nothing rounds, whoever calls it and whatever it calls.",
      // In Keras 3 the layer that runs decides: a mixed one that casts has a scope, every other one ends the scope.
      theirs: { testCase in
        described(testCase) { outer, inner, autocasts in
          autocasts && inner.compute != inner.variable ? inner.compute : outer.variable
        }
      }
    ) { testCase in
      described(testCase) { outer, inner, _ in outer.compute != outer.variable ? inner.compute : outer.variable }
    }
  ]

  /// - Parameter read: what the inner layer reads the outer one's variable as.
  private static func described(
    _ testCase: GoldenCase, read: (_ outer: StatedPolicy, _ inner: StatedPolicy, _ autocasts: Bool) -> String?
  ) -> ConfigurationValue? {
    guard let outer = testCase.input["outer"]?.asString.map(StatedPolicy.init),
      let inner = testCase.input["inner"]?.asString.map(StatedPolicy.init),
      let autocasts = testCase.input["inner_autocast"]?.asBool
    else { return nil }
    let isMixed = outer.compute != outer.variable
    let (given, own) = (autocasts ? inner.compute : outer.compute, isMixed ? outer.compute : outer.variable)
    return .ok([
      "inner": ["x": .name(given), "outer_v": .name(read(outer, inner, autocasts))],
      "outer": ["x": .name(outer.compute), "v_before": .name(own), "v_after": .name(own), "inner_out": .name(given)],
      "output": .name(given),
    ])
  }
}
