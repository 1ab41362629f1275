import CMezzoHost
import Dispatch
import MezzoPolicy
import Testing

@testable import MezzoPlugins

@Suite struct ThreadBudgetTests {
  @Test func oneCallGetsAllAndItsChildrenOne() {
    let budget = ThreadBudget(threads: 4)
    #expect(budget.available == 4)
    budget.withSome(8) { threads in
      #expect(threads == 4)
      #expect(budget.available == 1)
      budget.withSome(8) { #expect($0 == 1) }
      budget.withAll { #expect($0 == 1) }
    }
    budget.withSome(2) { #expect($0 == 2) }
    #expect(budget.available == 4)
  }

  /// A run has a thread that called it, whether or not it is in a call that shares its work.
  @Test(arguments: [(0, 4), (1, 4), (2, 3), (3, 2), (4, 1), (9, 1)])
  func otherRunsHaveAThreadEach(runs: Int, threads: Int) {
    let budget = ThreadBudget(threads: 4) { runs }
    #expect(budget.withSome(4) { $0 } == threads)
    #expect(budget.withSome(2) { $0 } == min(threads, 2))
    #expect(budget.withAll { $0 } == 4)
  }

  @Test func aBudgetOfOneHasNothingToGive() {
    let budget = ThreadBudget(threads: 1)
    budget.withSome(8) { #expect($0 == 1) }
    budget.withAll { #expect($0 == 1) }
  }

  @Test(arguments: [2, 3, 8]) func neverMoreThanTheBudgetRun(threads: Int) {
    let budget = ThreadBudget(threads: threads)
    let callers = 6
    // Callers count for themselves; what they use besides comes from the budget.
    let state = Locked((now: 0, most: 0))
    @Sendable func enter(_ count: Int) { state.withLock { $0 = ($0.now + count, max($0.most, $0.now + count)) } }
    DispatchQueue.concurrentPerform(iterations: callers) { caller in
      for round in 0..<200 {
        let body: (Int) -> Void = { granted in
          enter(granted - 1)
          enter(1 - granted)
        }
        if (caller + round).isMultiple(of: 2) { budget.withAll(body) } else { budget.withSome(threads, body) }
      }
    }
    #expect(state.withLock { $0.most } <= threads - 1)
    #expect(state.withLock { $0.now } == 0)
    #expect(budget.available == threads)
  }
}
