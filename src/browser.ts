/// <reference types="@webgpu/types" />
/**
 * Tessera's public API in a browser, `tessera/browser`: the names of index.ts, with addresses, bytes and blobs where
 * Node has paths. It reaches nothing of Node and no package. It works in a page and, better, in a worker of one.
 *
 *   const device = await openDevice();
 *   const model = await createModel('efficientnet_lite0', { weights: 'pretrained', folder: '/weights/' });
 *   const image = await decodeBlob(input.files[0], 'chosen.jpg');
 */
export { type BlobOptions, decodeBlob } from './data/blob.ts';
export {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  type ColorJitter,
  jitterColors,
} from './data/color-jitter.ts';
export type { RgbImage } from './data/image.ts';
export { fromSamples, loadBatches } from './data/in-thread.ts';
export { heightWidth, type InputSize } from './data/input-size.ts';
export type { Batch, BatchSource, LoaderOptions, SampleSource } from './data/loader.ts';
export { type Fit, ownPart } from './data/placing.ts';
export type { DataSet, Sample } from './data/sample.ts';
export { balancedOrder, type Sampler } from './data/sampler.ts';
export { PERTURBATIONS, type Perturbation, perturbed, type ThroughJpeg } from './data/stress.ts';
export {
  type Augmentation,
  evalTransform,
  networkView,
  ownView,
  type Preprocessing,
  type Transform,
  trainTransform,
} from './data/transforms.ts';
export { UnreadableImageError } from './data/unreadable.ts';
export {
  type ContactSheetOptions,
  contactSheet,
  type FeatureMapOptions,
  type FeatureMaps,
  featureMaps,
  firstFilters,
  mapPictures,
} from './explain/features.ts';
export { type GradCamOptions, gradCam, placingStage } from './explain/grad-cam.ts';
export {
  borderShare,
  type Explanation,
  type Heatmap,
  heatmapOf,
  strongestPlace,
  within,
} from './explain/heatmap.ts';
export { type OcclusionOptions, occlusion } from './explain/occlusion.ts';
export { heatColour, type OverlayOptions, overlay } from './explain/overlay.ts';
export {
  type BindingType,
  type BufferBinding,
  type BufferKind,
  Device,
  DeviceError,
  DeviceLost,
  type DeviceOptions,
  type DispatchEvent,
  elementwise,
  family,
  type MemoryReport,
  NoAdapterError,
  type Observer,
  type ParamType,
  type Program,
  type ProgramSpec,
  program,
  type Run,
  type Traits,
} from './gpu/index.ts';
export * from './kernels/index.ts';
export { compoundScale, type Scale } from './models/efficientnet.ts';
export {
  buildModel,
  type MBConvRow,
  type MBConvTable,
  type ModelOptions,
  mbconvTableOf,
  modelNames,
  type Network,
} from './models/table.ts';
export {
  AdamW,
  type AdamWOptions,
  BatchNorm2d,
  buffer,
  Conv2d,
  type ConvOptions,
  type CosineOptions,
  type Cut,
  clipGradNorm,
  constant,
  convNormAct,
  cosine,
  DepthwiseConv2d,
  type Draw,
  Dropout,
  decayGroups,
  type Fan,
  type FreezeReport,
  type FreezeSpec,
  fill,
  freeze,
  type Init,
  type InitRule,
  kaimingNormal,
  kaimingUniform,
  type Layer,
  Linear,
  type LinearOptions,
  Model,
  type ModelSpec,
  Module,
  manualSeed,
  maskGradient,
  type NormOptions,
  type OneCycleOptions,
  Optimizer,
  onDevice,
  oneCycle,
  type ParameterGroup,
  parameter,
  perUpdate,
  type Schedule,
  Sequential,
  SGD,
  type SGDOptions,
  SqueezeExcitation,
  StochasticDepth,
  stepDecay,
  torchDefault,
  trainOnly,
  unfreeze,
  warmUp,
  xavierNormal,
  xavierUniform,
} from './nn/index.ts';
export type {
  LayerRow,
  OpRow,
  Part,
  Profile,
  ProfileRow,
  ProgramRow,
  WallRow,
} from './profile/profile.ts';
export type { ProfilerOptions } from './profile/profiler.ts';
export type { Measuring } from './profile/recording.ts';
export { type Profiled, type ProfileOptions, profile } from './profile/run.ts';
export { type AdditiveCost, additiveCost, costOf, countOfTable } from './search/cost/cost.ts';
export {
  type LatencyOptions,
  latencyWarning,
  measureLatencies,
  measureModels,
} from './search/cost/latency.ts';
export { optimum, type Predicted, predictedFront } from './search/cost/optimum.ts';
export { measurePlan, type Paces, type PlanOptions, pacesOf } from './search/cost/pace.ts';
export { handMade } from './search/handmade.ts';
export { searchHeadline } from './search/headline.ts';
export type {
  Found,
  Learner,
  LinearLoss,
  Method as SearchMethod,
  Score,
  SearchContext,
  SharedLearner,
  SurrogateFigures,
  Trial,
} from './search/method.ts';
export { type Evolution, evolve, type Lived } from './search/methods/evolution.ts';
export { fewestMeasured, fitSurrogate, type Measured, type Surrogate } from './search/methods/surrogate.ts';
export { METHODS as SEARCH_METHODS, methodNamed } from './search/methods/table.ts';
export type {
  SearchHooks,
  SearchOptions,
  SearchOutcome,
  SearchPictures,
  SearchProgress,
  SearchStore,
  SearchTeacher,
} from './search/options.ts';
export { inMemory, picturesOf, preprocessingOf, sourcesOf } from './search/pictures.ts';
export {
  type CostUnit,
  checkResult,
  type Final,
  type FinalRole,
  type GridKind,
  type GridNetwork,
  type GridPoint,
  type GridResult,
  type LatencyTable,
  type Plan,
  type SearchResult,
  type Target,
} from './search/result.ts';
export { gridNetworks } from './search/scaling/grid.ts';
export { PAPER_FACTORS, type ScalingFactors, scaleTable } from './search/scaling/scaling.ts';
export {
  type EqualStepsOptions,
  type EqualStepsOutcome,
  trainEqually,
} from './search/scaling/train-equally.ts';
export { search } from './search/search.ts';
export { fairDraw, fairStep } from './search/shared/fair.ts';
export { buildSupernet, Supernet, type SupernetOptions } from './search/shared/supernet.ts';
export {
  B0_SPACE,
  type Choice as NetworkChoice,
  checkSpace,
  choiceOf,
  countOf,
  keyOf,
  largest,
  randomChoice,
  type SearchSpace,
  SMALL_SPACE,
  SPACES,
  smallest,
  tableOf,
} from './search/space.ts';
export { bootstrap, kendall, mcnemar, pearson, rankAgreement, spearman } from './search/statistics.ts';
export {
  type Backward,
  type ComputedOp,
  checkTypes,
  type DataType,
  empty,
  getDefaultDevice,
  keep,
  noGrad,
  type Op,
  record,
  recordsGrad,
  type Shape,
  scope,
  setDefaultDevice,
  setStep,
  Tensor,
  type TensorOptions,
  type TypedArray,
  tensor,
  watchingOps,
  zeros,
} from './tensor/index.ts';
export { type OpenOptions, openDevice } from './tensor/web-device.ts';
export type {
  Callback,
  CallbackState,
  CallbackStates,
  EndEvent,
  EpochEvent,
  RunEvent,
  SavePoint,
  StepEvent,
  StepLoss,
  ValidationEvent,
} from './train/callback.ts';
export { ResumeError } from './train/callback.ts';
export { Checkpoints, type WriteState } from './train/callbacks/checkpoints.ts';
export { EarlyStopping, type EarlyStoppingOptions } from './train/callbacks/early-stopping.ts';
export {
  FreezingMeter,
  type FreezingMeterOptions,
  type MeasuredStep,
  measureStep,
} from './train/callbacks/freezing-meter.ts';
export { Plateau, type PlateauOptions } from './train/callbacks/plateau.ts';
export { stopOn } from './train/callbacks/stop-request.ts';
export { ThresholdChoice, type ThresholdChoiceOptions } from './train/callbacks/threshold.ts';
export { WeightAverage } from './train/callbacks/weight-average.ts';
export { balancedWeights, type ClassWeights, classWeightsFor } from './train/class-weights.ts';
export {
  type Criterion,
  type CriterionPlace,
  type LabelOptions,
  labelCriterion,
  type Question,
} from './train/criterion.ts';
export { type CutFound, type CutOptions, cutOf } from './train/cut.ts';
export { type DistilOptions, distilCriterion, distilStep, type Teacher } from './train/distil.ts';
export {
  BINS,
  type Calibration,
  type CalibrationBin,
  calibration,
  fitTemperature,
  type Temperature,
} from './train/evaluation/calibration.ts';
export { type CurvePoint, type Curves, curves } from './train/evaluation/curves.ts';
export {
  type Choice,
  type ClassFigures,
  type Evaluation,
  type EvaluationOptions,
  evaluation,
  type OneAgainstRest,
} from './train/evaluation/evaluation.ts';
export { accuracySentence, choiceSentence, headline } from './train/evaluation/headline.ts';
export {
  aucScoreInterval,
  type Interval,
  meanInterval,
  pairedDifference,
  wilson,
} from './train/evaluation/intervals.ts';
export {
  type StressFigure,
  type StressOptions,
  type StressRow,
  type StressTable,
  stress,
  stressTable,
} from './train/evaluation/stress.ts';
export {
  callingOf,
  chooseThreshold,
  type Decision,
  decisionSentence,
  figuresAt,
  givenDecision,
  type ThresholdRow,
  type ThresholdTarget,
  thresholdTable,
} from './train/evaluation/threshold.ts';
export { FeatureCache, type FeatureCacheOptions, type FeaturePass } from './train/feature-cache.ts';
export {
  type FeatureRoom,
  type FeatureStore,
  type KeptFeatures,
  MemoryStore,
  type RoomPlan,
  type Slot,
} from './train/feature-store.ts';
export { type FindLearningRateOptions, findLearningRate, type LearningRateTest } from './train/find-lr.ts';
export {
  DivergedError,
  type FitOptions,
  type FitResult,
  fit,
  type Phase,
  TrainingError,
} from './train/fit.ts';
export {
  type FreezingFigures,
  type FreezingPhase,
  plannedFreezing,
  type StageState,
  type StepWork,
} from './train/freezing.ts';
export { type Inference, type InferOptions, imagesOf, infer, logitsOf } from './train/infer.ts';
export {
  type Answers,
  accuracy,
  argmax,
  type BestBy,
  better,
  type ClassMetrics,
  classCounts,
  classMetrics,
  confusionMatrix,
  type Metrics,
  measure,
  predictions,
  rocAuc,
  softmaxRow,
  topKAccuracy,
} from './train/metrics.ts';
export { type Mixed, type Mixer, type MixOptions, mixPictures } from './train/mix.ts';
export { type Overfit, type OverfitOptions, overfitOneBatch } from './train/overfit.ts';
export { type Preflight, type PreflightOptions, preflight, type StepCost } from './train/preflight.ts';
export type { EpochRecord, Progress } from './train/progress.ts';
export {
  type PlainStepOptions,
  plainStep,
  type Step,
  type StepContext,
  stepOf,
  type UpdateOptions,
} from './train/step.ts';
export { type Schooling, teacherOf } from './train/teacher.ts';
export { type NetworkFixture, parseFixture } from './verify/fixtures.ts';
export { type Certificate, type VerifyOptions, verify } from './verify/verify.ts';
export { cardMetadata, readCard, type WeightsCard } from './weights/card.ts';
export { CATALOG, defaultEntry, findEntry, type WeightsEntry } from './weights/catalog/catalog.ts';
export { IMAGENET_CLASSES } from './weights/catalog/imagenet-classes.ts';
export { type CreateOptions, type SaveOptions, specOf, weightsBytes } from './weights/create-model.ts';
export { factsOf, type KnownWeights, type WeightsFacts } from './weights/door.ts';
export type { LoadReport, LoadWeightsOptions } from './weights/load.ts';
export { describeReport } from './weights/load.ts';
export { atSize, IMAGENET_PREPROCESSING, preparedFor } from './weights/start.ts';
export {
  createModel,
  loadWeights,
  openNamed,
  openWeights,
  saveWeights,
  type WeightsFolder,
} from './weights/web-create-model.ts';
