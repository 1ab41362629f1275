/// Every group that this version answers, in order of name.
enum GoldenGroups {
  static let all: [any GoldenGroup.Type] = [
    CastGroup.self,
    DeviceCompatibilityGroup.self,
    GlobalScriptGroup.self,
    InferGroup.self,
    InferLayersGroup.self,
    JMPCastGroup.self,
    LayerDTypeGroup.self,
    LossGroup.self,
    PolicyV1Group.self,
    PromotionGroup.self,
    SerializeGroup.self,
    StandardizeDTypeGroup.self,
  ]
}
