import MezzoPolicy
import Testing

/// What may stand for a policy in each dialect.
@Suite struct PolicyIdentifierTests {
  @Test(arguments: [
    (PolicyDialect.keras3, DType.qint8), (.keras3, .resource), (.tensorFlow24, .float8E5M2), (.jmp, .int32),
  ])
  func aDTypeThatTheDialectLacksIsRefused(dialect: PolicyDialect, dtype: DType) {
    #expect(throws: PolicyError.unknownIdentifier(dtype.name)) { try DTypePolicy.get(.dtype(dtype), dialect: dialect) }
  }

  @Test(arguments: PolicyDialect.allCases, [0, 5, .number(1.5), true, .array([])] as [ConfigurationValue])
  func numbersAndListsAreNoPolicies(dialect: PolicyDialect, value: ConfigurationValue) {
    #expect(throws: PolicyError.unknownIdentifier(value == .array([]) ? "[]" : value.summary)) {
      try DTypePolicy.get(.configuration(value), dialect: dialect)
    }
  }

  @Test(arguments: ["f", "int8", "mixed_float16", "", "c=f", "x=f16", "c=f16,", "c=f16=f32"])
  func jmpSaysWhatItsTextsAre(text: String) {
    let error = #expect(throws: PolicyError.self) { try DTypePolicy(text, dialect: .jmp) }
    guard case .grammar(text, _, _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
