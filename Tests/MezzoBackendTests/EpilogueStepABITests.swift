import CMezzoABI
import MezzoBackend
import Testing

@Suite struct EpilogueStepABITests {
  @Test(arguments: [
    (EpilogueStep.bias(operand: 2), MEZZO_EPI_BIAS), (.relu, MEZZO_EPI_RELU),
    (.gelu(approximate: false), MEZZO_EPI_GELU_ERF), (.gelu(approximate: true), MEZZO_EPI_GELU_TANH),
    (.sigmoid, MEZZO_EPI_SIGMOID), (.tanh, MEZZO_EPI_TANH),
  ])
  func numbersAreTheHeaders(step: EpilogueStep, number: Int) { #expect(Int(step.abiKind) == number) }

  @Test func onlyABiasHasAnOperand() {
    #expect(EpilogueStep.bias(operand: 3).operand == 3)
    #expect(EpilogueStep.relu.operand == nil)
  }
}
