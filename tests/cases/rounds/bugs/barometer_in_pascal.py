"""Weather nowcasting: air pressure in pascal (around 101325) goes into a tanh layer without any scaling."""
import numpy as np
import keras


def nowcast(scale):
    keras.utils.set_random_seed(7)
    pressure = keras.Input((24,), name='pressure_pa')
    radar = keras.Input((12, 12, 2), name='radar')
    p = scale(pressure) if scale else pressure
    p = keras.layers.Dense(12, activation='tanh', name='pressure_trend')(p)
    r = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='echo_a')(radar)
    r = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='echo_b')(r)
    x = keras.layers.Concatenate(name='station')([p, keras.layers.Flatten(name='echo')(r)])
    rain = keras.layers.Dense(1, activation='sigmoid', name='rain')(x)
    amount = keras.layers.Dense(1, activation='softplus', name='amount')(x)
    m = keras.Model({'pressure_pa': pressure, 'radar': radar}, {'rain': rain, 'amount': amount})
    m.compile('adam', {'rain': 'binary_crossentropy', 'amount': 'mse'})
    return m


def build():
    return nowcast(None)


def fixed():
    return nowcast(keras.layers.Rescaling(1 / 800.0, offset=-101325 / 800.0, name='hectopascal'))


def sample():
    r = np.random.default_rng(9)
    walk = 101325 + 700 * r.normal(size=(16, 1)) + np.cumsum(60 * r.normal(size=(16, 24)), axis=1)
    rain = r.integers(0, 2, (16, 1)).astype('float32')
    return {'pressure_pa': walk.astype('float32'), 'radar': r.normal(size=(16, 12, 12, 2)).astype('float32'),
            'y:rain': rain, 'y:amount': (rain * r.gamma(2.0, 1.0, (16, 1))).astype('float32')}


EXPECT = {
    'source': 'own',
    'title': 'Unscaled sensor values into tanh',
    'source_kind': 'own',
    'category': 'saturation',
    'culprit': {'input': 'pressure_pa', 'variable': 'pressure_trend/kernel', 'layer': 'pressure_trend', 'op': 'Tanh',
                'line': "p = keras.layers.Dense(12, activation='tanh', name='pressure_trend')(p)"},
    'why': 'Sums of 24 values of 1e5 push every unit to exactly 1 or -1: no gradient through it, the branch is a constant.',
    'fix': 'Standardize the pressure first.',
}
EXPECT['also'] = [
    {'op': None}, {'variable': 'pressure_trend'}, {'line': 'p = scale(pressure) if scale else pressure'},
    {'line': 'return nowcast(None)'}, {'line': "pressure = keras.Input((24,), name='pressure_pa')"}, {'variable': None},
]
