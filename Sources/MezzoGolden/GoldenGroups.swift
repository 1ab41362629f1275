/// Every group that this version answers, in order of name.
enum GoldenGroups {
  static let all: [any GoldenGroup.Type] = [
    AutocastInputsGroup.self, AutocastNestingGroup.self, AutocastRegularizerGroup.self, AutocastScopeGroup.self,
    AutocastVariablesGroup.self, CastGroup.self, CompileWrapGroup.self, DeviceCompatibilityGroup.self,
    GlobalScriptGroup.self, GradScalerGroup.self, InferGroup.self, InferLayersGroup.self, JMPCastGroup.self,
    JMPPolicyGroup.self, JMPQuirkGroup.self, LayerDTypeGroup.self, LayerDTypesGroup.self, LayerSetPolicyGroup.self,
    LossGroup.self,
    LossScaleSettingsGroup.self, LossScaleStepsGroup.self, LossScaleTraceGroup.self, MetricGroup.self,
    NumericLayerGroup.self, PolicyConfigurationGroup.self, PolicyDeserializeGroup.self, PolicyGetGroup.self,
    PolicyMapGroup.self, PolicyObjectGroup.self, PolicyParseGroup.self, PolicyQuantizedGroup.self, PolicyV1Group.self,
    PromotionGroup.self, ScaledLossGroup.self, SerializeGroup.self, StandardizeDTypeGroup.self,
    SublayerPolicyGroup.self, TrainingRunGroup.self,
  ]
}
