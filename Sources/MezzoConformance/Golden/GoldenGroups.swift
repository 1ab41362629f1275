/// Every group that this version answers, in order of name.
enum GoldenGroups {
  static let all: [any GoldenGroup.Type] = [
    CastGroup.self,
    DeviceCompatibilityGroup.self,
    GlobalScriptGroup.self,
    InferGroup.self,
    InferLayersGroup.self,
    JMPCastGroup.self,
    JMPPolicyGroup.self,
    LayerDTypeGroup.self,
    LossGroup.self,
    PolicyConfigurationGroup.self,
    PolicyDeserializeGroup.self,
    PolicyGetGroup.self,
    PolicyMapGroup.self,
    PolicyObjectGroup.self,
    PolicyParseGroup.self,
    PolicyQuantizedGroup.self,
    PolicyV1Group.self,
    PromotionGroup.self,
    SerializeGroup.self,
    StandardizeDTypeGroup.self,
  ]
}
