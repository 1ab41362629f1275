#if canImport(Glibc)
  import CMezzoHost
  import Glibc
  import MezzoBackend
  import MezzoGraph
  import MezzoLayers
  import MezzoPolicy
  import MezzoRuntime
  import MezzoTraining
  import Testing

  /// Memory in use does not grow with the steps of a training. Each is measured in a process of its own, which does nothing
  /// else. `MEZZO_MEMORY_STEPS=10000` makes it the long run that the guide speaks of.
  @Suite(.enabled(if: mezzo_is_sanitized() == 0, "sanitizers keep what was freed"))
  struct MemoryTests {
    /// What a whole training may take more at the end than after its first tenth: caches that fill once, the fragments of
    /// the allocator, and nothing that has to do with the number of steps.
    private static let tolerance = 128 << 10

    private static func model() -> Model {
      withPolicy(.mixedFloat16) {
        Model(seed: 1, runtime: .builtinOnly()) {
          Dense(16, activation: .relu)
          Dropout(0.2)
          Dense(2, policy: .float32)
        }
      }
    }

    private static func data() throws -> DataSet { try FitTests.clouds(200) }

    private static var steps: Int { getenv("MEZZO_MEMORY_STEPS").flatMap { Int(String(cString: $0)) } ?? 600 }

    /// Bytes that are allocated, and those of the process that lie in memory.
    struct Sample {
      var allocated: Int
      var resident: Int

      init() {
        allocated = Self.allocated()
        var pages = 0
        if let file = fopen("/proc/self/statm", "r") {
          var line = [CChar](repeating: 0, count: 128)
          fgets(&line, 128, file)
          fclose(file)
          let fields = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            .split(separator: " ")
          pages = fields.count > 1 ? Int(fields[1]) ?? 0 : 0
        }
        resident = pages * sysconf(Int32(_SC_PAGESIZE))
      }

      /// What `malloc_info` tells; Swift's module of the library lacks the header that declares it.
      private static func allocated() -> Int {
        typealias Info = @convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32
        guard let symbol = dlsym(nil, "malloc_info"), let file = tmpfile() else { return 0 }
        defer { fclose(file) }
        _ = unsafeBitCast(symbol, to: Info.self)(0, file)
        var bytes = [UInt8](repeating: 0, count: ftell(file))
        rewind(file)
        let count = fread(&bytes, 1, bytes.count, file)
        let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
        /// The last of each kind is that of all arenas together.
        func total(_ start: String) -> Int {
          lines.last { $0.hasPrefix(start) }?.split(separator: "\"").last { Int($0) != nil }.flatMap { Int($0) } ?? 0
        }
        return total("<system type=\"current\"") + total("<total type=\"mmap\"") - total("<total type=\"fast\"")
          - total("<total type=\"rest\"")
      }
    }

    private static func compare(_ what: String, _ early: Sample, _ late: Sample) {
      let text =
        "\(what), after \(steps / 10) and \(steps) steps: allocated \(early.allocated) and \(late.allocated), "
        + "resident \(early.resident >> 10) KiB and \(late.resident >> 10) KiB\n"
      _ = Array(text.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      precondition(late.allocated - early.allocated < tolerance, text)
    }

    /// What the process said, where it is not the short run of every day.
    private static func show(_ result: ExitTest.Result?) {
      if steps > 1000, let result { print(String(decoding: result.standardErrorContent, as: UTF8.self)) }
    }

    @Test func stepsOfATrainer() async {
      let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
        let features = try Tensor(zeros: TensorType(.float32, [20, 2]))
        let targets = try Tensor(zeros: TensorType(.int32, [20]))
        var trainer = try Trainer(
          Self.model(), features: features.type, targets: targets.type, metrics: [.sparseCategoricalAccuracy])
        var early = Sample()
        for step in 1...Self.steps {
          try trainer.train(on: TrainingBatch(features: features, targets: targets))
          if step == Self.steps / 10 { early = Sample() }
        }
        Self.compare("Trainer.train", early, Sample())
      }
      Self.show(result)
    }

    @Test func fitWithPrefetch() async {
      let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
        let early = Locked<Sample?>(nil)
        let seen = Locked(0)
        // What is told of each epoch is kept, so that their number is always the same.
        let epochs = 30
        let data = try FitTests.clouds(Self.steps / epochs * 20)
        try await Self.model().fit(
          data.batches(of: 20, shuffledBy: 1).prefetched(4), validation: data.batches(of: 50), epochs: epochs,
          metrics: [.sparseCategoricalAccuracy], callbacks: [EarlyStopping(patience: epochs)]
        ) { _ in
          let count = seen.withLock { seen in
            seen += 1
            return seen
          }
          if count == Self.steps / 10 { early.withLock { $0 = Sample() } }
        }
        precondition(seen.withLock { $0 } == Self.steps / epochs * epochs)
        if let early = early.withLock({ $0 }) { Self.compare("fit", early, Sample()) }
      }
      Self.show(result)
    }

    @Test func evaluation() async {
      let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
        let data = try Self.data()
        let model = Self.model()
        var early = Sample()
        // Ten batches each.
        for step in 1...Self.steps / 10 {
          _ = try model.evaluate(data, metrics: [.sparseCategoricalAccuracy], batch: 20)
          if step == Self.steps / 100 { early = Sample() }
        }
        Self.compare("evaluate", early, Sample())
      }
      Self.show(result)
    }
  }
#endif
