import CMezzoABI
import MezzoBackend
import MezzoPolicy
import Testing

@Suite struct EpilogueStepABITests {
  @Test(arguments: [
    (EpilogueStep.bias(operand: 2), MEZZO_EPI_BIAS), (.relu, MEZZO_EPI_RELU),
    (.gelu(approximate: false), MEZZO_EPI_GELU_ERF), (.gelu(approximate: true), MEZZO_EPI_GELU_TANH),
    (.sigmoid, MEZZO_EPI_SIGMOID), (.tanh, MEZZO_EPI_TANH), (.silu, MEZZO_EPI_SILU), (.scale(2), MEZZO_EPI_SCALE),
    (.add(operand: 2), MEZZO_EPI_ADD), (.multiply(operand: 2), MEZZO_EPI_MUL), (.cast(.bfloat16), MEZZO_EPI_CAST),
  ])
  func numbersAreTheHeaders(step: EpilogueStep, number: Int) { #expect(Int(step.abiKind) == number) }

  @Test func stepsThatReadAnOperandNameIt() {
    #expect([EpilogueStep.bias(operand: 3), .add(operand: 4), .multiply(operand: 5)].map(\.operand) == [3, 4, 5])
    #expect([EpilogueStep.relu, .scale(2), .cast(.float16)].allSatisfy { $0.operand == nil })
  }
}
