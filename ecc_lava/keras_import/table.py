"""Which handler converts which Keras class.

To add a layer, write its handler, which reads every hyper-parameter from `call.layer` and raises `Refused` for settings it cannot
convert, and give it a line here.
"""

from __future__ import annotations

from ecc_lava.keras_import import activations, convolutions, merging, normalisation, operators, pooling, shapes
from ecc_lava.keras_import.call import Handler

__all__ = ["HANDLERS", "OPERATORS"]

HANDLERS: dict[str, Handler] = {
    "Activation": activations.activation,
    "ActivityRegularization": shapes.nothing,
    "Add": merging.add,
    "AlphaDropout": shapes.nothing,
    "Average": merging.average,
    "AveragePooling1D": pooling.average_pooling,
    "AveragePooling2D": pooling.average_pooling,
    "BatchNormalization": normalisation.batch_normalization,
    "Concatenate": merging.concatenate,
    "Conv1D": convolutions.conv,
    "Conv1DTranspose": convolutions.conv_transpose,
    "Conv2D": convolutions.conv,
    "Conv2DTranspose": convolutions.conv_transpose,
    "Cropping1D": shapes.cropping,
    "Cropping2D": shapes.cropping,
    "CustomScaleLayer": merging.custom_scale,
    "Dense": convolutions.dense,
    "DepthwiseConv1D": convolutions.depthwise_conv,
    "DepthwiseConv2D": convolutions.depthwise_conv,
    "Dropout": shapes.nothing,
    "Flatten": shapes.flatten,
    "GaussianDropout": shapes.nothing,
    "GaussianNoise": shapes.nothing,
    "GlobalAveragePooling1D": pooling.global_average_pooling,
    "GlobalAveragePooling2D": pooling.global_average_pooling,
    "GlobalMaxPooling1D": pooling.global_max_pooling,
    "GlobalMaxPooling2D": pooling.global_max_pooling,
    "Identity": shapes.nothing,
    "LeakyReLU": activations.leaky_relu,
    "MaxPooling1D": pooling.max_pooling,
    "MaxPooling2D": pooling.max_pooling,
    "Maximum": merging.maximum,
    "Minimum": merging.minimum,
    "Normalization": normalisation.normalization,
    "PReLU": activations.prelu,
    "Permute": shapes.permute,
    "RandomBrightness": shapes.augmentation,
    "RandomContrast": shapes.augmentation,
    "RandomFlip": shapes.augmentation,
    "RandomRotation": shapes.augmentation,
    "RandomTranslation": shapes.augmentation,
    "RandomZoom": shapes.augmentation,
    "ReLU": activations.relu,
    "Rescaling": normalisation.rescaling,
    "Reshape": shapes.reshape,
    "SeparableConv1D": convolutions.separable_conv,
    "SeparableConv2D": convolutions.separable_conv,
    "Softmax": activations.softmax,
    "SpatialDropout1D": shapes.nothing,
    "SpatialDropout2D": shapes.nothing,
    "Subtract": merging.subtract,
    "UpSampling1D": shapes.up_sampling,
    "UpSampling2D": shapes.up_sampling,
    "ZeroPadding1D": shapes.zero_padding,
    "ZeroPadding2D": shapes.zero_padding,
}
"""Class name of a Keras layer -> handler."""

OPERATORS: dict[str, Handler] = {
    "Abs": operators.absolute,
    "Absolute": operators.absolute,
    "Add": merging.add,
    "Clip": operators.clip,
    "Concatenate": merging.concatenate,
    "Divide": operators.divide,
    "GetItem": operators.get_item,
    "HardSigmoid": activations.hard_sigmoid,
    "HardTanh": activations.hard_tanh,
    "LeakyRelu": activations.leaky_relu,
    "Maximum": merging.maximum,
    "Minimum": merging.minimum,
    "Multiply": operators.multiply,
    "Negative": operators.negative,
    "Relu": activations.plain_relu,
    "Relu6": activations.relu6,
    "Sigmoid": activations.softmax,
    "Softmax": activations.softmax,
    "Subtract": merging.subtract,
    "TrueDivide": operators.divide,
}
"""Class name of an operation of `keras.src.ops` -> handler."""
